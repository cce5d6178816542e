"""interpreter.py N: what a scripting language does all day: numbers, lists, JSON, dictionaries of strings."""

import json
import sys

BODIES = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47], [4.84, -1.16, -0.10, 0.606, 2.81, -0.02, 0.037],
          [8.34, 4.12, -0.4, -1.01, 1.82, 0.008, 0.011], [12.89, -15.11, -0.22, 1.08, 0.868, -0.01, 0.0017],
          [15.37, -25.9, 0.179, 0.979, 0.594, -0.034, 0.002]]


def attract(a, b):
    dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    magnitude = 0.001 / (dx * dx + dy * dy + dz * dz) ** 1.5
    for axis, distance in enumerate((dx, dy, dz)):
        a[3 + axis] -= distance * b[6] * magnitude
        b[3 + axis] += distance * a[6] * magnitude


def move_planets(steps):
    bodies = [body[:] for body in BODIES]
    for _ in range(steps):
        for index, body in enumerate(bodies):
            for other in bodies[index + 1:]:
                attract(body, other)
        for body in bodies:
            for axis in range(3):
                body[axis] += 0.001 * body[3 + axis]
    return bodies[0][0]


def flip_pancakes(size):
    """The most reversals of a prefix over all permutations of `size` numbers."""
    order, counts, most, level = list(range(size)), list(range(1, size + 1)), 0, size
    while True:
        while level > 1:
            counts[level - 1] = level
            level -= 1
        stack, flips = order[:], 0
        while stack[0]:
            top = stack[0]
            stack[:top + 1] = stack[top::-1]
            flips += 1
        most = max(most, flips)
        while True:
            if level == size:
                return most
            order[:level + 1] = order[1:level + 1] + order[:1]
            counts[level] -= 1
            if counts[level] > 0:
                break
            level += 1


def convert_json(rounds):
    data = {f"k{i}": [i, i * 1.5, "v" * (i % 17), {"n": i}] for i in range(400)}
    return sum(len(json.dumps(json.loads(json.dumps(data)))) for _ in range(rounds))


def count_words(total):
    counts = {}
    for i in range(total):
        word = f"w{i * 7919 % 5003}"
        counts[word] = counts.get(word, 0) + 1
    return len(counts)


def main():
    scale = int(sys.argv[1])
    print(move_planets(2000 * scale), flip_pancakes(7 if scale < 2 else 8), convert_json(25 * scale),
          count_words(100000 * scale))


main()
