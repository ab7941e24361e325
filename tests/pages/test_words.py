"""How things are said on the pages."""

from pages.components import words


def test_an_upload_is_not_shown_by_its_place_in_the_storage() -> None:
    assert words.source("/srv/storage/uploads/13c3c0b52691bd3a/Talk.mp4") == "Uploaded"
    for own in ("/home/ana/uploads/2026/Talk.mp4", "https://example.org/uploads/13c3c0b52691bd3a/a/b.mp4"):
        assert words.source(own) == own
