"""The real kagglehub client, watched, against a server on the loopback."""

from pathlib import Path

import pytest

from cxr.errors import UserError
from cxr.sources import archive, kaggle
from cxr.sources.retry import Patience
from tests.cxr.sources.conftest import IMAGES, QUICK, SECRET, found, use, whole_archive
from tests.server import serving

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("script", [[], ["api-429", "api-503"], ["cut"]])
def test_the_data_set_arrives_in_spite_of(
    script: list[str], client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(whole_archive(), script) as server:
        use(server, monkeypatch)
        archive.copy(kaggle.download(QUICK), tmp_path / "raw", "Kaggle")
        assert found(tmp_path / "raw") == IMAGES
        n_requests = len(server.requests)
        kaggle.download(QUICK)
        assert len(server.requests) == n_requests, "a second call must be served from the cache"
    if script == ["cut"]:
        assert any(wanted.startswith("bytes=") for _, _, wanted in server.requests)


@pytest.mark.parametrize(
    ("script", "told", "n_requests"),
    [
        (["api-401"], "Kaggle answered 401: it does not accept the credentials", 1),
        (["api-403"], "Kaggle answered 403: it refuses access", 1),
        (["api-404"], "Kaggle answered 404: it no longer has the data set", 1),
        (["api-429"] * 3, r"too many requests \(429\) \(3 attempts\)", 3),
        (["api-502"] * 3, r"the server answered 502 \(3 attempts\)", 3),
    ],
)
def test_refusals(
    script: list[str], told: str, n_requests: int, client: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    with serving(whole_archive(), script) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=told) as error:
            kaggle.download(QUICK)
    assert len(server.requests) == n_requests
    assert "\n" not in str(error.value)
    told_to_user = "".join(capfd.readouterr()) + str(error.value)
    assert SECRET not in told_to_user


def test_a_hanging_server_is_left(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(n_attempts=2, pause=0.01, silence=4.0)
    with serving(whole_archive(), ["api-hang"] * 2) as server:
        use(server, monkeypatch)
        with pytest.raises(UserError, match=r"silent for 4 s \(2 attempts\)"):
            kaggle.download(patience)


def test_no_network(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"") as server:
        use(server, monkeypatch)
    with pytest.raises(UserError, match=r"no connection \(3 attempts\); check the network"):
        kaggle.download(QUICK)


@pytest.mark.parametrize("is_md5_right", [True, False])
def test_a_corrupt_archive_does_not_stay_in_the_way(
    is_md5_right: bool, client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(whole_archive()[:-500], []) as server:
        server.is_md5_right = is_md5_right
        use(server, monkeypatch)
        with pytest.raises(UserError, match="arrived damaged"):
            kaggle.download(QUICK)
        server.content, server.is_md5_right = whole_archive(), True
        archive.copy(kaggle.download(QUICK), tmp_path / "raw", "Kaggle")
    assert found(tmp_path / "raw") == IMAGES
