"""Run the real kagglehub client in a process of its own: `python -m cxr.sources.kaggle_client HANDLE`.

Prints one line of JSON: the path of the files, or the kind of failure. Never prints a credential or an address.
"""

import json
import sys
from pathlib import Path
from zipfile import BadZipFile

import kagglehub
import requests
from kagglehub.cache import get_cached_archive_path
from kagglehub.exceptions import DataCorruptionError
from kagglehub.handle import parse_dataset_handle

from cxr.sources.fetch import describe


def main(handle: str) -> dict[str, object]:
    """The answer for `cxr.sources.kaggle`: `path`, or `failure` (http, network, corrupt, disk) with its details."""
    try:
        return {"path": kagglehub.dataset_download(handle)}
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        return {"failure": "http", "status": status}
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        return {"failure": "network", "reason": describe(error)}
    except (DataCorruptionError, BadZipFile, EOFError) as error:
        return _corrupt(get_cached_archive_path(parse_dataset_handle(handle)), error)
    except ValueError as error:
        if "archive" not in str(error):
            raise
        return _corrupt(get_cached_archive_path(parse_dataset_handle(handle)), error)
    except OSError as error:
        return {"failure": "disk", "reason": error.strerror or str(error)}


def _corrupt(archive: str, error: Exception) -> dict[str, object]:
    """kagglehub keeps a corrupt archive and fails on it for ever; without it the next call starts afresh."""
    Path(archive).unlink(missing_ok=True)
    return {"failure": "corrupt", "reason": type(error).__name__}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
