"""Translates kernels from PTX, the assembly language that Numba compiles them to, into C.

A thread of a kernel becomes a call of a C function; registers become variables and branches
``goto``. What the instructions do is taken from the PTX ISA (NVIDIA), section "Instructions".
"""

import re

_SIZES = {"pred": 1, "8": 1, "16": 2, "32": 4, "64": 8}
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
                "lo": "<", "ls": "<=", "hi": ">", "hs": ">="}  # fmt: skip
_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|",
              "xor": "^"}  # fmt: skip
_KINDS = {f"{letter}{bits}" for letter in "us" for bits in (8, 16, 32, 64)} | {"f32", "f64"}
_SPECIAL = {"%tid": "tid", "%ntid": "ntid", "%ctaid": "ctaid", "%nctaid": "nctaid"}
_SHARED = re.compile(r"(?:\.visible )?\.shared \.align (\d+) \.b8 (\w+)\[(\d+)\]")
_FUNCTIONS = {"sqrt": "sqrt", "abs": "fabs", "min": "fmin", "max": "fmax"}


def _size(kind):
    return _SIZES[kind if kind == "pred" else kind.lstrip("bsuf")]


def _c_type(kind):
    if kind == "pred":
        return "uint8_t"
    if kind[0] == "f":
        return {4: "float", 8: "double"}[_size(kind)]
    return f"{'' if kind[0] == 's' else 'u'}int{8 * _size(kind)}_t"


class _Function:
    """One kernel: the lines of its C function, and what is known of its names."""

    def __init__(self):
        self.registers = {}  # name -> kind
        self.variables = {}  # name -> C expression of its address
        self.parameters = {}  # name -> offset
        self.static_shared = 0  # bytes
        self.lines = []

    # ---- operands

    def read(self, operand, kind):
        """A C expression of what an operand is worth as a ``kind``."""
        is_float = kind[0] == "f"
        if operand.startswith("0f"):
            value, held = f"0x{operand[2:]}u", "b32"
        elif operand.startswith("0d"):
            value, held = f"0x{operand[2:]}ull", "b64"
        elif operand in self.registers:
            value, held = self.name(operand), self.registers[operand]
        elif operand.split(".")[0] in _SPECIAL:
            special, axis = operand.split(".")
            return f"t->{_SPECIAL[special]}[{'xyz'.index(axis)}]"
        elif operand == "%dynamic_smem_size":
            return "t->dynamic_size"
        elif operand in self.variables:
            return self.variables[operand]
        else:
            return f"({_c_type(kind)}){int(operand, 0)}ll"
        if is_float == (held[0] == "f"):
            return value if is_float else f"({_c_type(kind)}){value}"
        return f"{'to' if is_float else 'from'}_f{8 * _size(held)}({value})"

    def write(self, operand, kind, value):
        """A C statement that gives a register a value, which is a ``kind``."""
        held = self.registers[operand]
        if (held[0] == "f") != (kind[0] == "f"):
            value = f"{'to' if held[0] == 'f' else 'from'}_f{8 * _size(kind)}({value})"
        elif held[0] != "f" and kind != "pred":
            value = f"({_c_type(kind)})({value})"
        return f"{self.name(operand)} = {value};"

    @staticmethod
    def name(register):
        return register.lstrip("%").replace("$", "_")

    def address(self, operand):
        base, sign, offset = re.fullmatch(r"\[(.+?)(?:([+-]+)(\d+))?\]", operand).groups()
        offset = int(offset or 0) * (-1 if sign and "-" in sign else 1)
        if base in self.parameters:
            return f"p + {self.parameters[base] + offset}"
        return f"{self.read(base, 'u64')} + {offset}"

    # ---- statements

    def declare(self, kind, names):
        for name in names.split(","):
            name, _, count = name.strip().rstrip(">").partition("<")
            found = [f"{name}{i}" for i in range(int(count))] if count else [name]
            self.registers.update(dict.fromkeys(found, kind))
            if found:
                self.lines.append(f"{_c_type(kind)} {', '.join(map(self.name, found))};")

    def place_shared(self, alignment, name, size):
        start = -(-self.static_shared // int(alignment)) * int(alignment)
        self.variables[name] = f"{start}u"
        self.static_shared = start + int(size)

    def translate(self, statement, line):
        guard = re.match(r"@(!?)(%\w+)\s+", statement)
        condition = ""
        if guard:
            condition = f"if ({guard[1]}{self.name(guard[2])}) "
            statement = statement[guard.end() :]
        operation, _, rest = statement.partition(" ")
        operands = re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\s]+", rest)
        base, *modifiers = operation.split(".")
        found = getattr(self, f"do_{base}", self.do_arithmetic)(base, modifiers, operands, line)
        self.lines.append(f"{condition}{{ {found} }}")

    def do_bra(self, base, modifiers, operands, line):
        return f"goto {operands[0].lstrip('$')};"

    def do_ret(self, *_):
        return "return;"

    def do_bar(self, base, modifiers, operands, line):
        if (modifiers, operands) != (["sync"], ["0"]):
            raise NotImplementedError("bar")
        return f"machine_barrier(t, {line});"

    def do_mov(self, base, modifiers, operands, line):
        kind, (to, source) = modifiers[-1], operands
        if to[0] == "{":  # the lower half first
            parts = to.strip("{} ").replace(" ", "").split(",")
            bits, value = 8 * _size(kind) // len(parts), self.read(source, kind)
            return f"{_c_type(kind)} v = {value}; " + " ".join(
                self.write(part, f"u{bits}", f"v >> {bits * i}") for i, part in enumerate(parts)
            )
        if source[0] == "{":
            parts = source.strip("{} ").replace(" ", "").split(",")
            bits = 8 * _size(kind) // len(parts)
            value = " | ".join(
                f"({_c_type(kind)}){self.read(part, f'u{bits}')} << {bits * i}"
                for i, part in enumerate(parts)
            )
            return self.write(to, kind, value)
        return self.write(to, kind, self.read(source, kind))

    do_cvta = do_mov

    def do_ld(self, base, modifiers, operands, line):
        (space, kind, names), address = (
            self._access(modifiers, operands[0]),
            self.address(operands[1]),
        )
        size, value = _size(kind), _c_type(kind)
        if space == "param":
            return f"{value} v; memcpy(&v, {address}, {size}); " + self.write(
                operands[0], kind, "v"
            )
        n = len(names)
        place = f"{space}_at(t, {line}, {address}, {size * n}, 0)"
        found = f"{value} v[{n}]; memcpy(v, {place}, {size * n}); "
        return found + " ".join(self.write(x, kind, f"v[{i}]") for i, x in enumerate(names))

    def do_st(self, base, modifiers, operands, line):
        (space, kind, names), address = (
            self._access(modifiers, operands[1]),
            self.address(operands[0]),
        )
        size, n = _size(kind), len(names)
        values = ", ".join(self.read(x, kind) for x in names)
        return (
            f"{_c_type(kind)} v[{n}] = {{{values}}}; "
            f"memcpy({space}_at(t, {line}, {address}, {size * n}, 1), v, {size * n});"
        )

    @staticmethod
    def _access(modifiers, operand):
        known = {"nc", "v2", "v4"}
        space, kind = modifiers[0], modifiers[-1]
        if space not in ("global", "shared", "local", "param") or set(modifiers[1:-1]) - known:
            raise NotImplementedError(".".join(modifiers))
        return space, kind, operand.strip("{} ").replace(" ", "").split(",")

    def do_setp(self, base, modifiers, operands, line):
        comparison, kind = modifiers
        to, a, b = operands[0], *(self.read(x, kind) for x in operands[1:])
        if kind[0] != "f":
            found = f"{a} {_COMPARISONS[comparison]} {b}"
        elif comparison in ("num", "nan"):
            found = f"{'!' if comparison == 'num' else ''}isunordered({a}, {b})"
        elif comparison.endswith("u"):
            found = f"isunordered({a}, {b}) || {a} {_COMPARISONS[comparison[:-1]]} {b}"
        else:
            found = f"!isunordered({a}, {b}) && {a} {_COMPARISONS[comparison]} {b}"
        return self.write(to, "pred", found)

    def do_selp(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        a, b = (self.read(x, kind) for x in operands[1:3])
        return self.write(operands[0], kind, f"{self.name(operands[3])} ? {a} : {b}")

    def do_not(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        value = self.read(operands[1], kind)
        return self.write(operands[0], kind, f"{'!' if kind == 'pred' else '~'}{value}")

    def do_shl(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        value, by, bits = (
            self.read(operands[1], kind),
            self.read(operands[2], "u32"),
            8 * _size(kind),
        )
        return self.write(operands[0], kind, f"{by} < {bits} ? {value} << ({by} & {bits - 1}) : 0")

    def do_shr(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        value, by, bits = (
            self.read(operands[1], kind),
            self.read(operands[2], "u32"),
            8 * _size(kind),
        )
        beyond = f"({value} < 0 ? -1 : 0)" if kind[0] == "s" else "0"
        return self.write(
            operands[0], kind, f"{by} < {bits} ? {value} >> ({by} & {bits - 1}) : {beyond}"
        )

    def do_bfi(self, base, modifiers, operands, line):
        what, into = (self.read(x, "u64") for x in operands[1:3])
        at, n = (f"{self.read(x, 'u32')} & 0xff" for x in operands[3:])
        return self.write(operands[0], modifiers[-1], f"insert({what}, {into}, {at}, {n})")

    def do_mul(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        a, b = (self.read(x, kind) for x in operands[1:])
        if "wide" in modifiers:
            wide = f"{kind[0]}{16 * _size(kind)}"
            return self.write(operands[0], wide, f"({_c_type(wide)}){a} * ({_c_type(wide)}){b}")
        if "hi" in modifiers:
            if kind != "u64":
                raise NotImplementedError("mul.hi")
            return self.write(operands[0], kind, f"mul_hi({a}, {b})")
        return self.do_arithmetic(base, modifiers, operands, line)

    def do_mad(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        a, b, c = (self.read(x, kind) for x in operands[1:])
        if modifiers[0] == "wide":
            wide = f"{kind[0]}{16 * _size(kind)}"
            t, c = _c_type(wide), self.read(operands[3], wide)
            return self.write(operands[0], wide, f"({t}){a} * ({t}){b} + {c}")
        if modifiers[0] != "lo":
            raise NotImplementedError("mad")
        return self.write(operands[0], kind, f"{a} * {b} + {c}")

    def do_fma(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        function = {("rn", "f32"): "fmaf", ("rn", "f64"): "fma", ("rm", "f32"): "fma_down"}
        values = ", ".join(self.read(x, kind) for x in operands[1:])
        return self.write(operands[0], kind, f"{function[tuple(modifiers)]}({values})")

    def do_neg(self, base, modifiers, operands, line):
        return self.write(operands[0], modifiers[-1], f"-{self.read(operands[1], modifiers[-1])}")

    def do_ex2(self, base, modifiers, operands, line):
        if modifiers != ["approx", "ftz", "f32"]:
            raise NotImplementedError("ex2")
        return self.write(
            operands[0], "f32", f"flush(exp2f(flush({self.read(operands[1], 'f32')})))"
        )

    def do_rcp(self, base, modifiers, operands, line):
        kind, value = modifiers[-1], self.read(operands[1], modifiers[-1])
        if modifiers == ["approx", "ftz", "f64"]:  # the upper half alone
            found = f"to_f64(from_f64(1 / {value}) & 0xffffffff00000000ull)"
            return self.write(operands[0], kind, found)
        if modifiers == ["approx", "ftz", "f32"]:
            return self.write(operands[0], kind, f"flush(1 / flush({value}))")
        raise NotImplementedError("rcp")

    def do_copysign(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        sign, value = (self.read(x, kind) for x in operands[1:])
        return self.write(operands[0], kind, f"copysign({value}, {sign})")

    def do_cvt(self, base, modifiers, operands, line):
        *how, to, kind = modifiers
        value = self.read(operands[1], kind)
        if (how, to, kind) == (["rna"], "tf32", "f32"):
            return self.write(operands[0], "b32", f"to_tf32({value})")
        if (how, to, kind) == (["rn"], "bf16x2", "f32"):  # the first operand is the upper half
            lower = self.read(operands[2], kind)
            return self.write(operands[0], "b32", f"to_bf16({value}) << 16 | to_bf16({lower})")
        if (how, to, kind) == (["sat"], "f32", "f32"):
            value = f"saturate({value})"
        elif how == ["rzi"] and (to, kind) == ("s64", "f64"):
            value = f"truncate_to_s64({value})"
        elif how == ["rni"] and to == kind and kind[0] == "f":
            value = f"rint({value})"
        elif how not in ([], ["rn"]) or to not in _KINDS or (kind[0] == "f" and to[0] != "f"):
            raise NotImplementedError("cvt")
        return self.write(operands[0], to, f"({_c_type(to)})({value})")

    def do_mma(self, base, modifiers, operands, line):
        formats = {"m16n8k8": ("tf32", 0), "m16n8k16": ("bf16", 1)}
        name, is_bf16 = formats[modifiers[2]]
        if modifiers != f"sync.aligned.{modifiers[2]}.row.col.f32.{name}.{name}.f32".split("."):
            raise NotImplementedError("mma")
        d, *factors = (operand.strip("{} ").replace(" ", "").split(",") for operand in operands)
        a, b, c = (
            ", ".join(self.read(x, kind) for x in names)
            for names, kind in zip(factors, ("u32", "u32", "f32"), strict=True)
        )
        return (
            f"uint32_t a[] = {{{a}}}, b[] = {{{b}}}; float c[] = {{{c}}}, d[4]; "
            f"machine_mma(t, {line}, {is_bf16}, d, a, b, c); "
            + " ".join(self.write(x, "f32", f"d[{i}]") for i, x in enumerate(d))
        )

    def do_arithmetic(self, base, modifiers, operands, line):
        kind = modifiers[-1]
        values = [self.read(x, kind) for x in operands[1:]]
        if set(modifiers[:-1]) - {"rn", "lo", "approx", "full"}:
            raise NotImplementedError(base)
        if base in _OPERATORS:
            return self.write(operands[0], kind, f"{values[0]} {_OPERATORS[base]} {values[1]}")
        if base in ("min", "max") and kind[0] != "f":
            sign, (a, b) = "<" if base == "min" else ">", values
            return self.write(operands[0], kind, f"{a} {sign} {b} ? {a} : {b}")
        if base in _FUNCTIONS and kind[0] == "f":
            suffix = "f" if kind == "f32" else ""
            return self.write(operands[0], kind, f"{_FUNCTIONS[base]}{suffix}({', '.join(values)})")
        raise NotImplementedError(base)


def _statements(text):
    """Number and text of every statement of a function; braces are statements of their own."""
    for number, line in text:
        line = re.sub(r"//.*", "", line).strip()
        while line:
            if line[0] in "{}":
                yield number, line[0]
                line = line[1:].strip()
                continue
            label = re.match(r"([$\w]+):", line)
            if label:
                yield number, label[0]
                line = line[label.end() :].strip()
                continue
            statement, _, line = line.partition(";")
            yield number, re.sub(r"\s+", " ", statement.strip())
            line = line.strip()


def to_c(ptx):
    """The source of a shared library with the kernels of a PTX module."""
    lines = list(enumerate(ptx.splitlines(), 1))
    kernels = []
    # Arrays whose size the launch says all start at the same place.
    dynamic = re.findall(r"^\.extern \.shared .* (\w+)\[\];", ptx, re.MULTILINE)
    source = ['#include "machine.h"', ""]
    position = 0
    while position < len(lines):
        entry = re.match(r"\.visible \.entry (\w+)\(", lines[position][1])
        position += 1
        if not entry:
            continue
        function, offsets, sizes, threads = _Function(), [], [], 1024
        function.variables.update(dict.fromkeys(dynamic, "t->dynamic_at"))
        for variable in filter(None, (_SHARED.match(line) for _, line in lines)):
            function.place_shared(*variable.groups())
        at = 0
        while lines[position][1] != "{":
            parameter = re.match(r"\s*\.param \.(\w+) (\w+),?", lines[position][1])
            bound = re.match(r"\.maxntid (\d+)", lines[position][1])
            if parameter:
                size = _size(parameter[1])
                at = -(-at // size) * size
                function.parameters[parameter[2]] = at
                offsets.append(at)
                sizes.append(size)
                at += size
            if bound:
                threads = int(bound[1])
            position += 1
        last = next(i for i in range(position, len(lines)) if lines[i][1] == "}")
        for number, statement in _statements(lines[position + 1 : last]):
            try:
                _translate(function, statement, number)
            except (NotImplementedError, LookupError, ValueError, AttributeError) as error:
                raise NotImplementedError(f"line {number}: {statement[:200]}") from error
        position = last
        name = f"kernel_{len(kernels)}"
        source += [
            f"static void {name}(Thread *t, const char *p) {{", "(void)t, (void)p;",
            *function.lines, "}", "",
            f"static const int {name}_offsets[] = {{{', '.join(map(str, offsets))}}};",
            f"static const int {name}_sizes[] = {{{', '.join(map(str, sizes))}}};", "",
        ]  # fmt: skip
        kernels.append(
            f'{{"{entry[1]}", {name}, {len(sizes)}, {name}_offsets, {name}_sizes, '
            f"{function.static_shared}, {threads}}},"
        )
    return "\n".join([*source, "const Kernel emulated_kernels[] = {", *kernels, "{0}};", ""])


def _translate(function, statement, number):
    declared = re.match(r"\.reg \.(\w+) (.+)", statement)
    local = re.match(r"\.local \.align (\d+) \.b8 (\w+)\[(\d+)\]", statement)
    if statement in "{}":
        function.lines.append(statement)
    elif declared:
        function.declare(*declared.groups())
    elif local:
        function.lines.append(
            f"_Alignas({local[1]}) char {local[2]}[{local[3]}]; "
            f"memset({local[2]}, 0xff, {local[3]}); "
            f"t->local.first = (uint64_t){local[2]}, t->local.last = t->local.first + {local[3]};"
        )
        function.variables[local[2]] = f"(uint64_t){local[2]}"
    elif _SHARED.match(statement):
        function.place_shared(*_SHARED.match(statement).groups())
    elif statement.endswith(":"):
        function.lines.append(f"{statement.lstrip('$')};")
    elif not statement.startswith((".pragma", ".loc")):
        function.translate(statement, number)
