"""What the client tells of archives, credentials and folders that are not as they should be, and how it ends."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cxr.errors import UserError
from cxr.sources import archive, kaggle
from tests.cxr.sources.conftest import IMAGES, QUICK, SECRET, found, members, use, whole_archive
from tests.processes import wait_until
from tests.server import serving, zipped

pytestmark = pytest.mark.slow


def in_zip(change: Callable[[bytearray], None], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of compressed images in which `change` has been made to the bytes of the whole."""
    whole = bytearray(zipped(members(), method))
    change(whole)
    return bytes(whole)


def in_every_header(offset_local: int, offset_central: int, value: int) -> Callable[[bytearray], None]:
    """Set a byte of each entry's two headers (APPNOTE 6.3, sections 4.3.7 and 4.3.12)."""

    def change(whole: bytearray) -> None:
        for mark, offset in ((b"PK\x03\x04", offset_local), (b"PK\x01\x02", offset_central)):
            start = -1
            while (start := whole.find(mark, start + 1)) >= 0:
                whole[start + offset] = value

    return change


def first_byte(whole: bytearray) -> None:
    """Change the first byte of the first entry's content."""
    name_length = int.from_bytes(whole[26:28], "little")
    whole[30 + name_length] = 0xFF


def tar_that_climbs() -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w") as opened:
        info = tarfile.TarInfo("../outside")
        info.size = 4
        opened.addfile(info, io.BytesIO(b"evil"))
    return stored.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (in_zip(in_every_header(6, 8, 1)), "RuntimeError"),  # encrypted
        (in_zip(in_every_header(8, 10, 99)), "NotImplementedError"),  # an unknown way to compress
        (in_zip(first_byte), "error"),  # zlib.error
        (in_zip(first_byte, zipfile.ZIP_BZIP2), "OSError"),  # without a number
        (zipped({"a": b"a file", "a/b": b"in it"}), "FileExistsError|NotADirectoryError"),
        pytest.param(
            tar_that_climbs(),
            "OutsideDestinationError",
            # Before Python 3.11.4 tarfile has no filter to ask for, and kagglehub unpacks no tar at all.
            marks=pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="tarfile knows no filters"),
        ),
        (b"<html>log in first</html>" * 100, "ValueError"),
    ],
)
def test_an_archive_that_cannot_be_unpacked_is_named_and_does_not_stay(
    content: bytes, kind: str, client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(content) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=rf"arrived damaged \({kind}\) \(1 attempts\)") as error:
            kaggle.download(replace(QUICK, n_attempts=1))
        assert "\n" not in str(error.value)
        server.content = whole_archive()
        archive.copy(kaggle.download(QUICK), tmp_path / "raw", "Kaggle")
    assert found(tmp_path / "raw") == IMAGES


@pytest.mark.parametrize("content", [b"{", b"null", b'{"username": 1, "key": 2}', b"\xff"])
def test_a_malformed_file_of_credentials_is_named(
    content: bytes, client: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "HOME" / ".kaggle"
    folder.mkdir(parents=True)
    (folder / "kaggle.json").write_bytes(content)
    with serving(whole_archive()) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=r"credentials found cannot be used .*; correct or remove them, none"):
            kaggle.download(QUICK)
        assert not server.requests
        (folder / "kaggle.json").unlink()
        kaggle.download(QUICK)


def test_a_credential_that_fits_no_header_is_refused_and_not_shown(
    client: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", f"{SECRET}\nmore")
    with serving(whole_archive()) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match="credentials found cannot be used") as error:
            kaggle.download(QUICK)
    assert SECRET not in "".join(capfd.readouterr()) + str(error.value)


def test_a_cache_that_is_no_folder_is_not_told_to_make_room(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client.parent.mkdir()
    client.write_text("a file")
    with serving(whole_archive()) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=r"cache: Not a directory; set KAGGLEHUB_CACHE to a folder"):
            kaggle.download(QUICK)


def test_a_newer_client_is_no_error(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kagglehub then writes half a line to stdout."""
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    with serving(whole_archive()) as server:
        server.newest_client = "99.0"
        use(server, monkeypatch)
        assert kaggle.download(QUICK).is_dir()


def test_a_killed_process_leaves_no_client_at_work(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = "from cxr.sources import kaggle; from cxr.sources.retry import Patience; kaggle.download(Patience())"
    with serving(whole_archive(), ["api-hang"]) as server:
        use(server, monkeypatch)
        with subprocess.Popen([sys.executable, "-c", call]) as process:
            wait_until(lambda: server.requests, seconds=60)
            (started,) = psutil.Process(process.pid).children()
            os.kill(process.pid, signal.SIGKILL)
        started.wait(timeout=10)
