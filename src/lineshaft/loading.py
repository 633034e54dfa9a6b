"""Finds an app by its path, as commands are given it: `module:name`. The supervisor must not: an app is user code."""

import importlib
import sys
from pathlib import Path

from lineshaft.app import App
from lineshaft.errors import ConfigurationError

DEMO = "lineshaft.demo:app"


def load_app(path: str) -> App:
    """Import a module and take the app from it; the current folder is importable.

    Raises:
        ConfigurationError: the path is not `module:name`, the module cannot be imported, or the name is not an App.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise ConfigurationError(f"an app is given as module:name, such as shop.tasks:app; this was {path!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and not module_name.startswith(error.name):
            raise ConfigurationError(f"importing {module_name!r} failed: {error}") from error
        raise ConfigurationError(f"there is no module {module_name!r} here ({here}) or installed") from error
    except (Exception, SystemExit) as error:  # the user's own module may raise anything
        raise ConfigurationError(f"importing {module_name!r} failed: {type(error).__name__}: {error}") from error
    app = getattr(module, name, None)
    if not isinstance(app, App):
        found = [key for key, value in vars(module).items() if isinstance(value, App)]
        hint = f"; it has the app {found[0]!r}" if found else ""
        raise ConfigurationError(f"{module_name!r} has no App named {name!r}{hint}")
    app.load_imports()
    return app
