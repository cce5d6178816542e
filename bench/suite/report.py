"""Medians, ratios and targets, as text that is also Markdown."""

import collections
import math
import statistics

Target = collections.namedtuple("Target", "what value limit at_most")


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


class Measurements:
    """What has been measured: costs by engine and workload, boots by engine."""

    def __init__(self, workloads, results, boots, footprint=None, clock="wall"):
        self.workloads = workloads
        self.boots = {engine: statistics.median(times) for engine, times in boots.items() if times}
        self.footprint = footprint
        self.clock = clock
        self.costs = collections.defaultdict(list)
        self.results = collections.defaultdict(list)
        for result in results:
            if result.status == 0:
                self.costs[result.engine, result.workload].append(result.cost(clock))
                self.results[result.engine, result.workload].append(result)

    def median(self, engine, workload):
        costs = self.costs.get((engine, workload))
        return statistics.median(costs) if costs else None

    def ratio(self, engine, base, workload):
        """How many times as much it costs; None where one of them has not run."""
        of, to = self.median(engine, workload), self.median(base, workload)
        return of / to if of and to else None

    def spread(self, engine, workload):
        """Per cent between the cheapest and the dearest run."""
        costs = self.costs.get((engine, workload), [])
        return 100 * (max(costs) - min(costs)) / statistics.median(costs) if len(costs) > 1 else None

    def ratios(self, engine, base, set_name):
        found = [self.ratio(engine, base, one.name) for one in self.workloads if one.set == set_name]
        return [ratio for ratio in found if ratio is not None]

    def mean_ratio(self, engine, base, set_name):
        ratios = self.ratios(engine, base, set_name)
        return geometric_mean(ratios) if ratios else None

    def has(self, engine):
        return any(name == engine for name, _ in self.costs)


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def format_rows(rows):
    """Columns as wide as they must be: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for index, row in enumerate(rows):
        cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(cells) + " |")
        if index == 0:
            lines.append("|" + "|".join("-" * (width + 1) + ("-" if column == 0 else ":")
                                        for column, width in enumerate(widths)) + "|")
    return "\n".join(lines)


def time_text(measurements, engine, workload):
    """Seconds, or a rate, and its spread."""
    results = measurements.results.get((engine, workload))
    if not results:
        return "-"
    cost = measurements.median(engine, workload)
    text = f"{1e-6 / cost:.0f} M/s" if results[0].rate else f"{cost:.3f}"
    spread = measurements.spread(engine, workload)
    return text if spread is None else f"{text} ±{spread / 2:.0f}%"


def suite_table(measurements, engines, pairs):
    """A row for each workload: what each engine took, and the ratio of each pair; then the means of the sets."""
    rows = [["workload", "set", *engines, *(f"{of}/{to}" for of, to in pairs)]]
    for workload in measurements.workloads:
        rows.append([workload.name, workload.set,
                     *(time_text(measurements, engine, workload.name) for engine in engines),
                     *(number(measurements.ratio(of, to, workload.name)) for of, to in pairs)])
    for set_name in dict.fromkeys(workload.set for workload in measurements.workloads if pairs):
        rows.append([f"geometric mean, {set_name}", set_name, *("" for _ in engines),
                     *(number(measurements.mean_ratio(of, to, set_name)) for of, to in pairs)])
    if measurements.boots:
        boots = measurements.boots
        rows.append(["boot to init", "boot", *(number(boots.get(engine)) for engine in engines),
                     *(number(boots[of] / boots[to]) if of in boots and to in boots else "-" for of, to in pairs)])
    return format_rows(rows)


def targets(measurements):
    """What ring3 is to reach, where it has been measured."""
    def mean(of, to, set_name):
        return measurements.mean_ratio(of, to, set_name)

    def extreme(pick, of, to, set_name):
        ratios = measurements.ratios(of, to, set_name)
        return pick(ratios) if ratios else None

    found = [
        Target("user set against native, geometric mean", mean("ring3", "native", "user"), 1.20, True),
        Target("user set against native, the worst", extreme(max, "ring3", "native", "user"), 1.6, True),
        Target("user set, TCG against ring3, geometric mean", mean("tcg", "ring3", "user"), 6, False),
        Target("smc, TCG against ring3", mean("tcg", "ring3", "smc"), 5, False),
        Target("kernel set, TCG against ring3, geometric mean", mean("tcg", "ring3", "kernel"), 4, False),
        Target("kernel set, TCG against ring3, the worst", extreme(min, "tcg", "ring3", "kernel"), 2, False),
        Target("syscall against native", measurements.ratio("ring3", "native", "syscall"), 1.5, True),
        Target("boot to init, seconds", measurements.boots.get("ring3"), 1.5, True),
        Target("monitor's memory beside the guest's, MiB", measurements.footprint, 48, True),
    ]
    return [target for target in found if target.value is not None]


def verdict(target):
    met = target.value <= target.limit if target.at_most else target.value >= target.limit
    return "pass" if met else "FAIL"


def target_table(found):
    rows = [["target", "limit", "measured", ""]]
    for target in found:
        sign = "<=" if target.at_most else ">="
        rows.append([target.what, f"{sign} {target.limit:g}", number(target.value), verdict(target)])
    return format_rows(rows)
