"""Finds an app by its path, as commands are given it: `module:name`. The supervisor must not: an app is user code."""

import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType

from lineshaft.app import App
from lineshaft.errors import ConfigurationError

DEMO = "lineshaft.demo:app"


def load_app(path: str) -> App:
    """Import a module and take the app from it; the current folder is importable.

    Raises:
        ConfigurationError: the path is not `module:name`, the module cannot be imported, or the name is not an App.
    """
    module_name, name = split_path(path)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigurationError(f"{failed_at(module_name, error)}: install it, or mend the import") from error
        raise ConfigurationError(f"there is no module {module_name!r} here ({here}) or installed") from error
    except (Exception, SystemExit) as error:  # the user's own module may raise anything
        raise ConfigurationError(failed_at(module_name, error)) from error
    app = getattr(module, name, None)
    if not isinstance(app, App):
        raise ConfigurationError(no_app(module, name))
    app.load_imports()
    return app


def split_path(path: str) -> tuple[str, str]:
    """The module and the name in the path of an app.

    Raises:
        ConfigurationError: it is no such path; the message has one that was likely meant.
    """
    module, colon, name = path.partition(":")
    file = module.removeprefix("./")
    is_file = file.endswith(".py") or "/" in file
    likely = file.removesuffix(".py").strip("/").replace("/", ".") or "shop.tasks"
    if is_file:
        raise ConfigurationError(
            f"an app is given as module:name and not by its file: {likely}:{name or 'app'} in place of {path!r}"
        )
    if not (module and colon and name):
        raise ConfigurationError(f"an app is given as module:name, such as {likely}:{name or 'app'}; this was {path!r}")
    return module, name


def failed_at(module_name: str, error: BaseException) -> str:
    """What an import raised, and where: the last line of the user's own code that it came through."""
    said = f"importing {module_name!r} failed: {type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    if isinstance(error, SyntaxError) or not frames:
        return said  # which names the place itself
    return f"{said} ({frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line})"


def no_app(module: ModuleType, name: str) -> str:
    """What to say where a module has no app of that name: what it has under it, and which apps it has."""
    found = [key for key, value in vars(module).items() if isinstance(value, App)]
    kind = f"; that is of type {type(getattr(module, name)).__name__}" if hasattr(module, name) else ""
    hint = f"; it has the app {found[0]!r}" if found else "; an app is made there by: app = lineshaft.App(...)"
    return f"{module.__name__!r} has no App named {name!r}{kind}{hint}"


def _is_machinery(file: str) -> bool:
    """Whether that is Python's import system, or this module."""
    return file.startswith("<frozen ") or file in {__file__, importlib.__file__}
