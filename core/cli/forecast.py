"""What `add --dry-run` prints: what a batch would be."""

import click
import msgspec

from core.cli.output import clip, duration, printable, show_error, show_json
from core.manager.preflight import Forecast, Look


def tell_forecast(forecast: Forecast, *, as_json: bool) -> int:
    """Print it; the exit code is that which adding would have: 0, 1 when some would be refused, 5 when all would."""
    if as_json:
        show_json(msgspec.to_builtins(forecast))
    else:
        for number, look in enumerate(forecast.looks, 1):
            click.echo(f"{number:>4}  {_words(look)}")
        click.echo(_total(forecast))
        for one in forecast.rejected:
            show_error(one.code, f"{clip(one.source, 80)}: {one.message}", one.hint, as_json=False)
    return 5 if not forecast.looks else 1 if forecast.rejected else 0


def _words(look: Look) -> str:
    told = [clip(printable(look.title), 60)]
    if look.videos is not None:
        told.append(f"a list of {look.videos}")
    told += [duration(look.duration_s)] if look.duration_s is not None else []
    told += [size(look.size)] if look.size is not None else []
    told += [f"with {clip(printable(look.transcript), 40)}"] if look.transcript else []
    told += [f"here already: {look.before}"] if look.before else []
    told += [look.problem] if look.problem else []
    return "  ".join(told)


def _total(forecast: Forecast) -> str:
    unknown = f" (of {forecast.unknown} not known)" if forecast.unknown else ""
    told = [f"{duration(forecast.duration_s)}, {size(forecast.size)}{unknown}"]
    disk = f"{size(forecast.needed_bytes)} of {size(forecast.free_bytes)} free"
    told.append(f"disk: about {disk}" if forecast.fits else f"It does not fit on the disk: about {disk}")
    if forecast.eta is not None:
        told.append(f"done in {duration(forecast.eta.low_s)} to {duration(forecast.eta.high_s)} of work")
    return "Together " + "; ".join(told) + "."


def size(bytes_: float) -> str:
    """Bytes as people say them."""
    return f"{bytes_ / 1e9:.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:.1f} MB"
