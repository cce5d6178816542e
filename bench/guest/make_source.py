"""make_source.py N: prints a C file of N functions, the same everywhere: what the compiler workload compiles."""

import sys

state = 1


def pick(bound):
    """A linear congruential generator: no version of Python changes what it gives."""
    global state
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return (state >> 8) % bound


def operator():
    return ["+", "-", "*", "^", "|", "&"][pick(6)]


def statement(index):
    kind = pick(7)
    if kind == 0:
        return f"for (u i = 0; i < (y & 31); i++) {{ t = t {operator()} s->c[i & 7]; q += t >> {1 + pick(9)}; }}"
    if kind == 1:
        return (f"if (t > q + {pick(999)}) {{ t {operator()}= q; s->a = t; }} "
                f"else {{ q {operator()}= {1 + pick(99)}u; s->b += q; }}")
    if kind == 2:
        return (f"switch (q & 7) {{ case 0: t++; break; case 1: t ^= {pick(9999)}; break; "
                f"case 3: t = q * {3 + pick(17)}; break; case 5: q -= t; break; default: q = t / {2 + pick(29)}u; }}")
    if kind == 3:
        return f"d = d * {1 + pick(9)}.5 + t; s->c[{pick(8)}] = (u)d;"
    if kind == 4 and index:
        return f"t += f{pick(index)}(q, t, s);"
    if kind == 5:
        return f"q = ext(t {operator()} {pick(77)}u, s);"
    return f"while (t & {1 << pick(16)}u) t = (t >> 1) {operator()} q;"


def main():
    print("typedef unsigned u; typedef struct { u a, b, c[8]; double d; } S; extern u ext(u, S *);")
    for index in range(int(sys.argv[1])):
        print(f"u f{index}(u x, u y, S *s) {{ u t = x, q = y; double d = s->d;")
        for _ in range(6 + pick(6)):
            print(" ", statement(index))
        print("  s->d = d; return t ^ q; }")


main()
