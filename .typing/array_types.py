"""A plugin of mypy: what numpy's functions return of arrays, where numpy's annotations say Any.

numpy annotates ``np.exp(array)`` as an array of anything and ``array.sum(axis=1)`` as anything. Here
they get the dtype that numpy computes with: truth values, indices, and else the argument's dtype or
float64. Where no argument is known to be an array or a number, the answer stays Any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mypy.nodes import ARG_POS
from mypy.plugin import FunctionContext, MethodContext, Plugin
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    NoneType,
    Type,
    TypeOfAny,
    UnionType,
    get_proper_type,
)

TRUTHS = frozenset(
    "isnan isfinite isinf isclose isin logical_and logical_or logical_not logical_xor greater less "
    "greater_equal less_equal equal not_equal signbit any all".split()
)
INDICES = frozenset(
    "argmax argmin argsort nanargmax nanargmin searchsorted digitize count_nonzero lexsort".split()
)
FLOATS = frozenset(
    "exp log log1p expm1 log2 log10 sqrt sin cos tan tanh mean std var median nanmean nanmedian "
    "nanstd nanvar quantile nanquantile percentile nanpercentile average divide true_divide "
    "logaddexp interp corrcoef cov linspace".split()
)
KEEPS = frozenset(
    "where minimum maximum fmin fmax abs absolute fabs negative sign square rint floor ceil round "
    "power add subtract multiply clip sum nansum max min amax amin nanmax nanmin prod cumsum ptp "
    "nancumsum sort concatenate stack hstack vstack column_stack nan_to_num take_along_axis unique "
    "diff outer dot tile repeat flip roll pad cross matmul einsum take reshape reduce accumulate "
    "broadcast_to insert append delete select".split()
)
COMPARES = frozenset(f"__{name}__" for name in "eq ne lt le gt ge".split())
OPERATES = frozenset(
    f"__{side}{name}__" for side in ("", "r") for name in "add sub mul floordiv mod".split()
)
DIVIDES = frozenset(("__truediv__", "__rtruediv__"))
"""Operators of arrays."""
REDUCES = frozenset(
    "any all argmax argmin nanargmax nanargmin mean std var median nanmean nanmedian nanstd nanvar "
    "quantile nanquantile percentile nanpercentile average sum nansum max min amax amin nanmax "
    "nanmin prod ptp count_nonzero reduce".split()
)
"""Functions that give one number, unless they are told an axis."""
QUANTILES = frozenset("quantile nanquantile percentile nanpercentile".split())
FROM_THE_SECOND = frozenset({"where"})
"""Functions whose first argument decides nothing about the dtype."""

Context = FunctionContext | MethodContext


class ArrayTypes(Plugin):
    """Answers where the answer by the annotations is Any, or an array of Any."""

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return self._hook(fullname)

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return self._hook(fullname)

    def _hook(self, fullname: str) -> Callable[[Context], Type] | None:
        owner, _, name = fullname.rpartition(".")
        if not owner.startswith("numpy."):
            return None if owner != "numpy" else lambda context: _answer(context, name)
        return lambda context: _answer(context, name)


def plugin(version: str) -> type[Plugin]:
    """What mypy looks for."""
    return ArrayTypes


def _answer(context: Context, name: str) -> Type:
    default = context.default_return_type
    if not _says_nothing(default):
        return default
    owner = get_proper_type(context.type) if isinstance(context, MethodContext) else None
    if isinstance(owner, Instance) and owner.type.name.startswith("_UFunc"):
        literal = get_proper_type(owner.args[0])
        ufunc = str(literal.value) if isinstance(literal, LiteralType) else ""
        reduces = name == "reduce"
        name = ufunc
    else:
        reduces = name in REDUCES
    given = [get_proper_type(t) for some in context.arg_types for t in some]
    if isinstance(owner, Instance) and owner.type.fullname == "numpy.ndarray":
        given = [owner, *given]
    operates = name in COMPARES | OPERATES | DIVIDES
    if operates and not _is_array(owner):
        return default
    if not operates and name not in TRUTHS | INDICES | FLOATS | KEEPS:
        return default
    leading = [owner] if name in COMPARES else _leading(context, owner)
    if name in OPERATES | DIVIDES:
        leading = [owner, *_by_position(context)]
    known = [t for t in leading if not isinstance(t, AnyType)]
    shaping = _by_position(context) if name in FROM_THE_SECOND else leading
    if name in FROM_THE_SECOND and not all(_is_array(t) or _is_number(t) for t in shaping):
        return default
    arrays = [t for t in (*known, *shaping) if _is_array(t)]
    if name in OPERATES | DIVIDES and len(known) != len(leading):
        return default
    if not arrays and not (known and len(known) == len(leading) and all(map(_is_number, known))):
        return default
    scalar = _scalar(context, name, known)
    if scalar is None:
        return default
    several = name in QUANTILES and not all(map(_is_number, _by_position(context)[1:2]))
    if not arrays or (reduces and not several and not _has_axis(context)):
        return scalar
    shape = context.api.named_generic_type("builtins.tuple", [AnyType(TypeOfAny.special_form)])
    dtype = context.api.named_generic_type("numpy.dtype", [scalar])
    return context.api.named_generic_type("numpy.ndarray", [shape, dtype])


def _says_nothing(kind: Type) -> bool:
    proper = get_proper_type(kind)
    if isinstance(proper, AnyType):
        return True
    if isinstance(proper, UnionType):
        return any(_is_array(get_proper_type(item)) for item in proper.items)
    if not _is_array(proper):
        return False
    dtype = _dtype(proper)
    bits = get_proper_type(dtype.args[0]) if isinstance(dtype, Instance) and dtype.args else None
    return isinstance(dtype, AnyType) or isinstance(bits, AnyType)


def _leading(context: Context, owner: Type | None) -> list[Any]:
    """The arguments that decide the dtype: those by position, lists by what they hold."""
    if isinstance(owner, Instance) and owner.type.fullname == "numpy.ndarray":
        return [owner]
    found = _by_position(context)
    name = context.context.callee.name if hasattr(context.context, "callee") else ""  # type: ignore
    if name in FROM_THE_SECOND:
        return found[1:]
    several = ("where", "minimum", "maximum", "fmin", "fmax", "power", "add", "subtract")
    several += ("multiply", "logaddexp", "greater", "less", "clip", "divide")
    return found if name in several else found[:1]


def _by_position(context: Context) -> list[Any]:
    return [
        _inside(get_proper_type(t))
        for kinds, types in zip(context.arg_kinds, context.arg_types, strict=True)
        for k, t in zip(kinds, types, strict=True)
        if k == ARG_POS
    ]


def _inside(kind: Any) -> Any:
    """Of a list or tuple of arrays, an array."""
    if isinstance(kind, Instance) and kind.type.fullname in ("builtins.list", "builtins.tuple"):
        inner = get_proper_type(kind.args[0]) if kind.args else kind
        return inner if _is_array(inner) else kind
    return kind


def _is_array(kind: Any) -> bool:
    return isinstance(kind, Instance) and kind.type.fullname == "numpy.ndarray"


def _dtype(array: Any) -> Any:
    dtype = get_proper_type(array.args[1])
    return get_proper_type(dtype.args[0]) if isinstance(dtype, Instance) and dtype.args else dtype


def _is_number(kind: Any) -> bool:
    if isinstance(kind, LiteralType):
        kind = kind.fallback
    return isinstance(kind, Instance) and any(
        base.fullname in ("builtins.int", "builtins.float", "numpy.number", "numpy.bool")
        for base in kind.type.mro
    )


def _scalar(context: Context, name: str, known: list[Any]) -> Type | None:
    """The dtype that numpy computes with, None where it is not known."""
    api = context.api
    truth = api.named_generic_type("numpy.bool", [api.named_generic_type("builtins.bool", [])])
    bits = api.named_generic_type("numpy._64Bit", [])
    whole = api.named_generic_type("numpy.signedinteger", [bits])
    number = api.named_generic_type("numpy.float64", [])
    if name in TRUTHS | COMPARES:
        return truth
    if name in INDICES:
        return whole
    if name in FLOATS | DIVIDES:
        return number
    kinds = {_kind(_dtype(t) if _is_array(t) else t) for t in known}
    if None in kinds:
        return None
    if "float" in kinds:
        return number
    if kinds == {"bool"} and name not in ("sum", "nansum", "cumsum", "prod", "add"):
        return truth
    return whole


def _kind(scalar: Any) -> str | None:
    if isinstance(scalar, LiteralType):
        scalar = scalar.fallback
    if isinstance(scalar, NoneType) or not isinstance(scalar, Instance):
        return None
    names = {base.fullname for base in scalar.type.mro}
    if names & {"numpy.bool", "builtins.bool"}:
        return "bool"
    if names & {"numpy.integer", "builtins.int"}:
        return "int"
    return "float" if names & {"numpy.floating", "builtins.float"} else None


def _has_axis(context: Context) -> bool:
    """Whether an axis is named, so that an array is reduced to an array."""
    for names, types, own in zip(
        context.arg_names, context.arg_types, context.callee_arg_names, strict=True
    ):
        if (own == "axis" or "axis" in names) and types:
            return not isinstance(get_proper_type(types[0]), NoneType)
    return False
