"""What ffmpeg may open of a file that somebody gave us: the one place where that is written down."""

from pathlib import Path

# Containers in which people keep talks. Left out on purpose: playlists, concat lists, capture devices, text formats.
FORMATS = "mov,matroska,mp3,wav,flac,ogg,aac,mpegts,mpeg,avi,flv,live_flv,asf,aiff,caf,amr,w64,au,ac3,eac3,dts,wv,ape,tta,mpc,mpc8"
# Decoders that may be opened at all: those of sound, and of the pictures people have, which ffmpeg looks at for a moment
# to learn when each track begins. The many rare ones, a rich source of memory bugs, stay closed.
PICTURES = (
    "h264,hevc,vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,mpeg4,mpeg1video,mpeg2video,h263,flv,vc1,wmv3,mjpeg,png,"
    "theora,prores,dnxhd,ffv1,msmpeg4v2,msmpeg4"
)
SOUNDS = (
    "aac,aac_fixed,aac_latm,libfdk_aac,mp3,mp3float,mp2,mp2float,mp1,mp1float,opus,libopus,vorbis,libvorbis,flac,alac,"
    "ac3,ac3_fixed,eac3,dca,truehd,mlp,wmav1,wmav2,wmapro,wmalossless,wmavoice,amrnb,amrwb,libopencore_amrnb,"
    "libopencore_amrwb,gsm,gsm_ms,speex,libspeex,ape,wavpack,tta,mpc7,mpc8,nellymoser,cook,sipr,atrac3,atrac3p,qcelp,"
    "adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,g722,g726,g723_1,g729,"
    "pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_u16le,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_alaw,pcm_mulaw,pcm_bluray,pcm_dvd,pcm_lxf,pcm_s16le_planar"
)


def reading(media: Path) -> list[str]:
    """The words of an ffmpeg command that open `media`: as itself, with nothing but what is accepted, no other file."""
    return [
        "-protocol_whitelist",
        "file,pipe",
        "-format_whitelist",
        FORMATS,
        "-codec_whitelist",
        f"{SOUNDS},{PICTURES}",
        "-i",
        f"file:{media.absolute()}",
    ]
