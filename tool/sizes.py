#!/usr/bin/python3
"""sizes.py -- check that functions and files stay small enough to read

A function has at most 60 lines between its braces, 6 parameters and 4 levels
of nested statements, a file 1000 lines, a public header 400.  How many
parameters a public function has is the interface's business, and the blocks
of its macros (MPS_SCAN_BEGIN and so on) aren't statements.  An exception is a line in tool/lint_allow:
"sizes PATH -- reason" for a file, "sizes PATH:FUNCTION -- reason".

The formatter puts the brace that opens a function, and no other, at the
start of a line, and indents by two, so no parser is needed.
"""
import re
import sys

import tree

FUNCTION_LINES = 60
PARAMETERS = 6
NESTING = 4
FILE_LINES = 1000
HEADER_LINES = 400
BEGIN = re.compile(r" +MPS_\w+_BEGIN\(")
END = re.compile(r" +(?:\} )?MPS_\w+_END\(")
CONTROL = re.compile(r"( +)(?:if|for|while|switch|do)\b")


def signature(lines, brace):
    """(name, number of parameters) of the function whose { is at brace."""
    first = brace
    while first > 0 and not re.search(r"[;}#]|^\s*$", lines[first - 1]):
        first -= 1
    text = " ".join(lines[first:brace])
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", text)
    match = re.search(r"(\w+)\s*\((.*)\)", text)
    if not match:
        return "?", 0
    name, rest = match[1], match[2]
    if name in ("START_TEST", "TEST"):
        return rest.strip(), 0
    depth, commas = 0, 0
    for char in rest:
        depth += (char == "(") - (char == ")")
        commas += char == "," and depth == 0
    return name, 0 if rest.strip() in ("", "void") else commas + 1


def nesting(lines):
    """How many statements the deepest of these is in, itself counted."""
    deepest = blocks = 0
    for line in lines:
        blocks += bool(BEGIN.match(line)) - bool(END.match(line))
        match = CONTROL.match(line)
        if match:
            deepest = max(deepest, len(match[1]) // 2 - blocks)
    return deepest


def functions(text):
    """Yield (name, line, lines, parameters, nesting) for each function."""
    lines = tree.bare(text).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.rstrip() == "{":
            start = number
        elif line.rstrip() == "}" and start is not None:
            name, parameters = signature(lines, start)
            yield (name, start + 1, number - start + 1, parameters,
                   nesting(lines[start:number]))
            start = None


def check(root):
    faults, allowed = [], tree.Allowed(root, "sizes")
    for path in tree.c_files(root):
        name, text = path.relative_to(root), path.read_text()
        length, limit = text.count("\n"), FILE_LINES
        if name.parts[:2] == ("code", "include"):
            limit = HEADER_LINES
        if length > limit and not allowed.excuses(name):
            faults.append(f"{name}:1: {length} lines, more than {limit}")
        for function, line, lines, parameters, deep in functions(text):
            is_public = function.startswith("mps_")
            if ((lines > FUNCTION_LINES or deep > NESTING
                 or (parameters > PARAMETERS and not is_public))
                    and not allowed.excuses(f"{name}:{function}")):
                faults.append(f"{name}:{line}: {function} has {lines} lines,"
                              f" {parameters} parameters, {deep} levels")
    return faults + allowed.finish()


if __name__ == "__main__":
    sys.exit(tree.main(check, __doc__))
