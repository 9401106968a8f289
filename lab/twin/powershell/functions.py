"""Functions and script blocks: their parameters, and running them."""

from __future__ import annotations

from collections.abc import Sequence

from lab.twin.powershell import tree
from lab.twin.powershell.convert import cast, to_bool, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, Return, failure
from lab.twin.powershell.evaluate import Evaluator
from lab.twin.powershell.numbers import KINDS
from lab.twin.powershell.runtime import Scope
from lab.twin.powershell.values import ScriptBlock, Spelt, Switch, plain

BINDING = "System.Management.Automation.ParameterBindingException"
Given = tuple[str | None, object, bool]
"""Name of a parameter (None: positional), value, whether a value was given."""


def binding_failure(message: str, identifier: str, category: str = "InvalidArgument") -> PowerShellError:
    """Return an error of the parameter binder."""
    return failure(message, exception=BINDING, identifier=identifier, category=category)


def unset(kind: str) -> object:
    """Return what a parameter holds that was not given: its type's zero."""
    kind = kind.lower().removeprefix("system.")
    if kind == "switch":
        return Switch(False)
    if kind in KINDS or kind in ("double", "bool", "boolean", "string"):
        return cast(kind, None)
    return None


class Functions(Evaluator):
    """Calls of functions and blocks."""

    def function(self, name: str) -> tree.Block | None:
        """Return the function of a name, from the innermost scope outwards."""
        for scope in reversed(self.scopes):
            if name.lower() in scope.functions:
                return scope.functions[name.lower()]
        return None

    @staticmethod
    def split_for_function(block: tree.Block, given: list[Given]) -> tuple[list[object], dict[str, object]]:
        """Return the positional and the named arguments of a function: -Name value, or a switch."""
        kinds = {parameter.name.lower(): (parameter.type or "").lower() for parameter in block.parameters}
        positional: list[object] = []
        named: dict[str, object] = {}
        waiting: str | None = None
        for name, value, has_value in given:
            if name is None:
                if waiting:
                    named[waiting] = value
                    waiting = None
                else:
                    positional.append(value)
                continue
            if waiting:
                break
            full = Functions.parameter_name(block, list(kinds), name)
            if full in named:
                raise binding_failure(f"Cannot bind parameter because parameter '{full}' is specified more than once.",
                                      "ParameterAlreadyBound")
            if kinds[full] == "switch":
                named[full] = Switch(to_bool(plain(value)) if has_value else True)
            elif has_value:
                named[full] = value
            else:
                waiting = full
        if waiting:
            raise binding_failure(f"Missing an argument for parameter '{waiting}'. Specify a parameter of type"
                                  f" '{kinds[waiting] or 'System.Object'}' and try again.", "MissingArgument")
        return positional, named

    @staticmethod
    def parameter_name(block: tree.Block, names: list[str], name: str) -> str:
        """Return the full name of a parameter, which may be shortened."""
        folded = name.lower()
        found = [one for one in names if one == folded] or [one for one in names if one.startswith(folded)]
        if len(found) == 1:
            return found[0]
        if found:
            raise binding_failure(f"Parameter cannot be processed because the parameter name '{name}' is ambiguous."
                                  f" Possible matches include: -{' -'.join(found)}.", "AmbiguousParameter")
        if block.advanced:
            if folded in ("erroraction", "ea", "verbose", "whatif", "confirm", "debug", "warningaction", "errorvariable", "outvariable"):
                raise NotSupportedByTwin(f"the common parameter -{name} of a function")
            raise binding_failure(f"A parameter cannot be found that matches parameter name '{name}'.", "NamedParameterNotFound")
        raise NotSupportedByTwin(f"the parameter -{name} of a function that does not declare it (it would go to $args)")

    def call_function(
        self, block: tree.Block, positional: list[object], named: dict[str, object], items: list[object] | None, output: list[object], *,
        own_scope: bool = True,
    ) -> None:
        """Run a function or block with arguments; add its output to a list."""
        scope = Scope()
        self.scopes.append(scope)
        source, self.source = self.source, block.origin or self.source
        strict, before = self.strict, dict(self.scopes[-2].variables) if not own_scope else {}
        try:
            self.bind_parameters(block, scope, named, list(positional))
            scope.variables["input"] = list(items or [])
            if not own_scope:
                self.scopes.pop()
                self.scopes[-1].variables.update(scope.variables)
                self.scopes[-1].types.update(scope.types)
            self.run_body(block, items, output)
        except Return as signal:
            output.extend(signal.values())
        except PowerShellError as error:
            self.place(error.record)
            raise
        finally:
            self.source = source
            if own_scope:
                self.strict = strict
                while self.scopes and self.scopes[-1] is not scope:
                    self.scopes.pop()
                self.scopes.pop()
            else:
                self.scopes[-1].variables.update({name: before[name] for name in ("args", "input") if name in before})

    def bind_parameters(self, block: tree.Block, scope: Scope, named: dict[str, object], rest: list[object]) -> None:
        """Fill a scope with the parameters' values."""
        for parameter in block.parameters:
            folded = parameter.name.lower()
            scope.variables[folded] = self.parameter(parameter, named, rest)
            if parameter.type:
                scope.types[folded] = parameter.type
        if rest and block.advanced:
            raise binding_failure(f"A positional parameter cannot be found that accepts argument '{to_text(plain(rest[0]))}'.",
                                  "PositionalParameterNotFound")
        scope.variables["args"] = [plain(one) for one in rest]

    def run_body(self, block: tree.Block, items: list[object] | None, output: list[object]) -> None:
        """Run begin, process for every item, and the body."""
        self.run(block.begin or (), output)
        if block.process is not None:
            for item in items if items is not None else [None]:
                self.scopes[-1].variables["_"] = item
                try:
                    self.run(block.process, output)
                except Return as signal:  # ends this item only
                    output.extend(signal.values())
        self.run(block.body, output)

    def parameter(self, parameter: tree.Parameter, named: dict[str, object], rest: list[object]) -> object:
        """Return the value of a function's parameter."""
        kind = parameter.type or "object"
        if parameter.name.lower() in named:
            value = named[parameter.name.lower()]
        elif rest and kind.lower() != "switch":
            value = rest.pop(0)
        elif parameter.mandatory:
            raise binding_failure(f"Cannot process command because of one or more missing mandatory parameters: {parameter.name}.",
                                  "MissingMandatoryParameter")
        else:
            return cast(kind, self.evaluate(parameter.default)) if parameter.default is not None else unset(kind)
        if isinstance(value, Spelt):
            value = value.text if kind.lower() == "string" else value.value
        if kind.lower() in ("bool", "boolean") and isinstance(value, str):
            raise binding_failure(f"Cannot process argument transformation on parameter '{parameter.name}'. Cannot convert value"
                                  ' "System.String" to type "System.Boolean".', "ParameterArgumentTransformationError", "InvalidData")
        if kind.lower() == "string" and isinstance(value, (list, bytes)):
            raise NotSupportedByTwin(f"an array for the [string] parameter -{parameter.name} (declare it [string[]])")
        return self.validated(parameter, self.transformed(parameter, kind, value))

    @staticmethod
    def transformed(parameter: tree.Parameter, kind: str, value: object) -> object:
        """Return an argument as the declared type."""
        try:
            return cast(kind, value)
        except PowerShellError as error:
            raise binding_failure(f"Cannot process argument transformation on parameter '{parameter.name}'. {error.record.message}",
                                  "ParameterArgumentTransformationError", "InvalidData") from None

    @staticmethod
    def validated(parameter: tree.Parameter, value: object) -> object:
        """Return an argument that Mandatory and the Validate attributes allow."""
        empty = value is None or (isinstance(value, (str, list, bytes)) and len(value) == 0)
        if parameter.mandatory and empty and not parameter.may_be_empty:
            what = "null" if value is None else "an empty string" if isinstance(value, str) else "an empty array"
            raise binding_failure(f"Cannot bind argument to parameter '{parameter.name}' because it is {what}.",
                                  "ParameterArgumentValidationErrorNullNotAllowed", "InvalidData")
        if parameter.not_empty and empty:
            raise binding_failure(f"Cannot validate argument on parameter '{parameter.name}'. The argument is null or empty.",
                                  "ParameterArgumentValidationError", "InvalidData")
        if parameter.allowed is not None and to_text(value).lower() not in (one.lower() for one in parameter.allowed):
            raise binding_failure(f"Cannot validate argument on parameter '{parameter.name}'. The argument \"{to_text(value)}\" does not"
                                  f" belong to the set \"{','.join(parameter.allowed)}\" specified by the ValidateSet attribute.",
                                  "ParameterArgumentValidationError", "InvalidData")
        return value

    def invoke_block(self, block: ScriptBlock, arguments: Sequence[object] = (), *, item: object = None, own_scope: bool = True,
                     ) -> list[object]:
        """Run a script block for a cmdlet or a method; `item` is its $_ (then in the caller's scope)."""
        output: list[object] = []
        if own_scope:
            self.call_function(block.block, list(arguments), {}, None, output)
        else:
            self.run_block(block, item, output)
        return output

    def run_block(self, block: ScriptBlock, item: object, output: list[object]) -> None:
        """Run the block of ForEach-Object, Where-Object and their like: in the caller's scope, where only $_ is its own."""
        if block.block.process is not None or block.block.begin is not None or block.block.parameters:
            raise NotSupportedByTwin("a block with param, begin or process here")
        source, self.source = self.source, block.block.origin or self.source
        variables = self.scopes[-1].variables
        before, variables["_"] = variables.get("_"), item
        try:
            self.run(block.block.body, output)
        except Return as signal:  # ends this item only
            output.extend(signal.values())
        finally:
            self.source = source
            variables["_"] = before
