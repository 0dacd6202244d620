"""Runs the package under a Starlark interpreter, with `plan` and ethereum-package simulated."""

import json
import re
from pathlib import Path

import starlark

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent
OTHERS = {"github.com/ethpandaops/ethereum-package/main.star": TESTS / "ethereum_package.star"}

# What Kurtosis defines for every file.
PROVIDED = ["plan", "ServiceConfig", "PortSpec", "ReadyCondition", "GetHttpRequestRecipe", "Directory", "StoreSpec", "GpuConfig"]

IMPORT = re.compile(r'^(\w+) = import_module\("([^"]+)"\)$', re.MULTILINE)
TEXT = re.compile(r'""".*?"""', re.DOTALL)
DEFINED = re.compile(r"^(?:def )?([A-Za-z]\w*)(?: = |\()", re.MULTILINE)


class Refused(Exception):
    """The package ended with `fail`; the text is its sentence."""


def _globals():
    extensions = starlark.LibraryExtension
    return starlark.Globals.extended_by([extensions.StructType, extensions.Json])


def _exported(source):
    """Appends a struct of a file's names, which is what `import_module` gives in Kurtosis."""
    names = sorted(set(DEFINED.findall(TEXT.sub("", IMPORT.sub("", source)))))
    return source + "\nmodule = struct(%s)\n" % ", ".join(f"{name} = {name}" for name in names)


class Package:
    """One run: what was recorded, and what `run` returned."""

    def __init__(self, args):
        self.notes = []
        call = f"run(plan, json.decode({json.dumps(json.dumps(args))}))"
        self._evaluate(PACKAGE / "main.star", tail=f"returned(json.encode({call}))\n")

    def _evaluate(self, path, tail=""):
        source = path.read_text()
        loads = []
        for name, where in IMPORT.findall(source):
            loads.append(f'load("{self._resolve(path, where)}", {name} = "module")')
        if path.name != "prelude.star":
            loads.append('load("%s", %s)' % (TESTS / "prelude.star", ", ".join(f'"{name}"' for name in PROVIDED)))
        text = "\n".join(loads) + "\n" + _exported(IMPORT.sub("", source))
        if path.name == "prelude.star":
            text = source
        module = starlark.Module()
        module.add_callable("record", lambda note: self.notes.append(json.loads(note)))
        module.add_callable("returned", lambda value: setattr(self, "output", json.loads(value)))
        dialect = starlark.Dialect.extended()
        loader = starlark.FileLoader(lambda name: self._evaluate(Path(name)).freeze())
        try:
            starlark.eval(module, starlark.parse(str(path), text + tail, dialect), _globals(), loader)
        except starlark.StarlarkError as error:
            refusal = re.search(r"fail: (.*?)(?:\n|$)", str(error))
            if refusal:
                raise Refused(refusal.group(1)) from None
            raise
        return module

    @staticmethod
    def _resolve(path, where):
        if where in OTHERS:
            return OTHERS[where]
        return (path.parent / where).resolve()

    def of(self, what):
        """What was recorded of one kind, by name."""
        return {note["name"]: note["value"] for note in self.notes if note["what"] == what}
