"""Where the files of KuaiRand-Pure are: found on this machine, or downloaded."""

import gzip
import os
import tarfile
import tempfile
import zlib
from pathlib import Path

import pooch
import requests

from ranking import validation

ARCHIVE = "KuaiRand-Pure.tar.gz"
URL = f"https://zenodo.org/records/10439422/files/{ARCHIVE}"
CHECKSUM = "md5:0820331067a3784d9691136f772b35a7"
VARIABLE = "RANKING_KUAIRAND_DIR"

LOG_FILES = {
    "standard_4_08": "log_standard_4_08_to_4_21_pure.csv",
    "standard_4_22": "log_standard_4_22_to_5_08_pure.csv",
    "random_4_22": "log_random_4_22_to_5_08_pure.csv",
}
"""The logs of the distribution: two periods under the platform's own policies, one of random exposure."""

LOGS: dict[str, tuple[str, ...]] = {
    "standard": ("standard_4_08", "standard_4_22"),
    "random": ("random_4_22",),
    **{name: (name,) for name in LOG_FILES},
}
"""What can be asked for: a kind of log, of which the files that exist are read, or one file by its name."""

USER_FILE = "user_features_pure.csv"
VIDEO_FILE = "video_features_basic_pure.csv"

Folder = str | os.PathLike[str]
FOLDER = "the path of a folder"


def data_folder(folder: Folder) -> Path | None:
    """The folder that holds a log file, ``folder``, its ``data`` or its ``KuaiRand-Pure/data``; else None."""
    places = [Path(folder).expanduser() / inside for inside in ("", "data", "KuaiRand-Pure/data")]
    return next((at for at in places if any((at / name).is_file() for name in LOG_FILES.values())), None)


def named_folder(what: str, folder: Folder) -> Path:
    """The :func:`data_folder` of the ``folder`` that ``what`` names; ``ValueError`` where there is none."""
    if found := data_folder(validation.path(what, folder, FOLDER)):
        return found
    where = f"{' or '.join(LOG_FILES.values())} in it, in data/ or in KuaiRand-Pure/data/"
    raise ValueError(f"{what} must name a folder with {where}, got {os.fspath(folder)!r}")


def find_kuairand() -> Path | None:
    """The folder of KuaiRand-Pure files on this machine, without any network; None where there is none.

    It is the one that the environment variable ``RANKING_KUAIRAND_DIR`` names (itself, its ``data`` or its
    ``KuaiRand-Pure/data``) or, without the variable, the one that :func:`download_kuairand` made earlier.

    Raises:
        ValueError: the variable is set, but no KuaiRand-Pure log lies there.
    """
    named = os.environ.get(VARIABLE)
    return named_folder(VARIABLE, named) if named else data_folder(_cache())


def _cache() -> Path:
    return Path(pooch.os_cache("ranking-course"))


def download_kuairand(
    folder: Folder | None = None, url: str = URL, checksum: str = CHECKSUM, progress: bool = True
) -> Path:
    """Download and unpack KuaiRand-Pure (about 50 MB, unpacked about 200 MB), unless that has been done.

    The folder appears under its final name only after the archive's checksum has been verified and all of it
    unpacked. So a broken download is begun anew by the next call. After unpacking the archive is removed.

    ``folder`` is where to put it, by default the user's cache folder for ``ranking-course``; ``checksum`` is
    written ``algorithm:digest``. Returned is the folder that holds the log files.

    Raises:
        ConnectionError: the download fails. Like the next, it says how to put the files in place by hand.
        ValueError: the archive's checksum is another one, it cannot be unpacked or holds other files, or
            something else stands where it is to be unpacked.
    """
    base = _cache() if folder is None else validation.path("folder", folder, FOLDER).expanduser()
    progress = validation.flag("progress", progress)
    if not isinstance(url, str):
        raise ValueError(f"url must be a text, got {url!r:.80}")
    target = base / "KuaiRand-Pure"
    if done := data_folder(target):
        return done
    if target.exists():
        in_the_way = "holds no KuaiRand-Pure log, and is in the way of the download: move or remove it"
        raise ValueError(f"{target} {in_the_way}")
    if not isinstance(checksum, str) or ":" not in checksum:
        raise ValueError(f"checksum must be given as 'algorithm:digest', got {checksum!r}")
    by_hand = (
        f"KuaiRand-Pure could not be had from {url}. By hand: download that file, unpack it, and set the "
        f"environment variable {VARIABLE} to the unpacked folder; or put the archive, as it is, at "
        f"{base / ARCHIVE}. What happened:"
    )
    downloader = pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16)
    try:
        archive = Path(pooch.retrieve(url, checksum, ARCHIVE, base, downloader=downloader))
    except requests.RequestException as error:
        raise ConnectionError(f"{by_hand} {error}") from error
    except ValueError as error:  # another checksum
        raise ValueError(f"{by_hand} {error}") from error
    try:
        _unpack(archive, target)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        archive.unlink()
        raise ValueError(f"{by_hand} {archive.name} cannot be unpacked: {error}") from error
    archive.unlink(missing_ok=True)
    return named_folder("folder", target)


def _unpack(archive: Path, target: Path) -> None:
    """Make ``target`` from the folder KuaiRand-Pure in the archive, at once or not at all.

    pooch's own unpacking writes into the final folder, where half a file would later pass for a whole one.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="unpacking-") as scratch:
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")  # refuses links and paths that lead out of the folder
        data = data_folder(scratch)
        if data is None:
            raise ValueError(f"it holds none of {', '.join(LOG_FILES.values())}")
        staged = Path(scratch) / "staged"
        staged.mkdir()
        data.rename(staged / "data")
        try:
            staged.rename(target)
        except OSError:
            if data_folder(target) is None:  # else another process has just finished the same work
                raise
