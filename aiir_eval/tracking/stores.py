"""Which MLflow store a URI means, whether it can be reached, and how its URI may be shown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, UnreachableError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///aiir-mlflow.db"
TIMEOUT_S = 10.0
REDACTED = "[redacted]"

_USERINFO = re.compile(r"(?<=://)[^/\s]*@")
_SECRET_QUERY = re.compile(
    r"([?&;][^=&\s]*(?:key|token|secret|password|passwd|signature|sig|credential)[^=&\s]*=)[^&\s]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Store:
    """An MLflow tracking store.

    `uri` is what MLflow is given (it may hold a password), `shown` is the same without secrets.
    `artifacts` is where a new experiment keeps its files; None leaves that to the store.
    """

    uri: str
    shown: str
    artifacts: str | None = None

    @property
    def is_server(self) -> bool:
        return self.uri.startswith(("http://", "https://"))

    def without_secrets(self, text: str) -> str:
        """`text` (an error message) without what this URI keeps secret."""
        return redact_uris(text.replace(self.uri, self.shown))


class Openable:
    """Something that stands in MLflow: `uri` without secrets, `url` None for a file store."""

    __slots__ = ()
    uri: str
    url: str | None

    @property
    def how_to_open(self) -> str:
        """The address, or the command that shows a file store."""
        return self.url or f"mlflow ui --backend-store-uri {self.uri}"


def resolve_store(uri: str | None) -> Store:
    """The store of a URI; without one of MLFLOW_TRACKING_URI, else of aiir-mlflow.db here.

    A path that ends in .db is an SQLite file. Its experiments keep their files beside it. The path
    is made absolute, as MLflow remembers a store by its URI and not by the folder it was called in.
    """
    if uri is not None and not uri.strip():  # a variable that is not set, in a script
        raise InputError("the URI of MLflow is empty", hint="leave it out, or name a store")
    given = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if "://" not in given and Path(given).suffix in {".db", ".sqlite", ".sqlite3"}:
        given = f"sqlite:///{given}"
    if given.startswith("sqlite:///") and (name := given.removeprefix("sqlite:///").split("?")[0]):
        path = Path(name).absolute()
        query = given[len("sqlite:///") + len(name) :]
        artifacts = path.with_name(f"{path.stem}-artifacts")
        return Store(f"sqlite:///{path}{query}", given, artifacts.as_uri())
    if "://" not in given and given not in {"databricks", "uc"}:
        given = Path(given).absolute().as_uri()
    return Store(given, redact_uris(given))


def experiments_there(client: MlflowClient) -> str:
    """The hint of an error: which experiments a store has."""
    names = sorted(each.name for each in client.search_experiments())
    return f"there is: {', '.join(names) or 'none'}"


def redact_uris(text: str) -> str:
    """`text` without passwords and keys in the URIs it holds."""
    return _SECRET_QUERY.sub(rf"\1{REDACTED}", _USERINFO.sub(f"{REDACTED}@", text))


def check_readable(store: Store) -> None:
    """The same for a store that is only read: an SQLite file must be there already."""
    path = Path(store.uri.removeprefix("sqlite:///").split("?")[0])
    if store.uri.startswith("sqlite:///") and not path.is_file():
        raise InputError(f"there is no MLflow store {store.shown}: no such file")
    check_reachable(store, lost="")


def nothing_lost(what: str) -> str:
    """How an error of MLflow ends: a ``verdict`` or ``report`` does not depend on its record."""
    return f"(the {what} stands; only its record in MLflow was not written)"


def check_reachable(store: Store, *, lost: str) -> None:
    """Raise before MLflow begins to try again and again for minutes.

    `UnreachableError` where no server answers, `InputError` where a file cannot be written. Any
    answer of a server, even an error, counts as reached. `lost` ends the message.
    """
    if store.is_server:
        import requests

        try:
            url = f"{store.uri.rstrip('/')}/health"
            requests.get(url, timeout=TIMEOUT_S, verify=_tls_verification())
        except requests.RequestException as error:
            raise UnreachableError(
                f"the MLflow server {store.shown} could not be reached: "
                f"{store.without_secrets(_innermost(error))} {lost}".rstrip()
            ) from None
    elif store.uri.startswith("sqlite:///"):
        _check_file(Path(store.uri.removeprefix("sqlite:///").split("?")[0]), store)
    elif store.uri.startswith(("postgresql", "mysql", "mssql")):
        _check_database(store, lost)


def _check_file(path: Path, store: Store) -> None:
    import sqlite3

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=TIMEOUT_S)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise InputError(
            f"the MLflow store {store.shown} cannot be written: {error}",
            hint="name another with --mlflow sqlite:///FILE.db",
        ) from None


def _check_database(store: Store, lost: str) -> None:
    import sqlalchemy

    try:
        sqlalchemy.create_engine(store.uri).connect().close()
    except ImportError as error:
        raise InputError(
            f"the MLflow store {store.shown} needs a database driver: {error}",
            hint=f"type: pip install {error.name}",
        ) from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        message = store.without_secrets(str(error)).splitlines()[0]
        raise UnreachableError(
            f"the MLflow store {store.shown} could not be reached: {message} {lost}".rstrip()
        ) from None


def _tls_verification() -> bool | str:
    """As MLflow's own variables say: a certificate file, or none at all."""
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:
        return False
    return os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True


def _innermost(error: BaseException) -> str:
    """The cause in a few words: "Connection refused" out of four layers of wrapping."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return re.sub(r"<[^>]*>:?\s*|\w+\(.*?\):\s*", "", str(reason or error)).strip()
