"""events_page.py -- a log of telemetry as one page of HTML

For each arena of each process that the log tells of: how large the heap and
its generations were over time, how long the program stood still, what each
collection condemned and what survived, and what of mostly copying pools
stayed in place, by reason.  Figures are drawn in the page, which needs no
other file and no network.

Sizes are in the binary units KiB, MiB and GiB, times in s, ms or us, and
moments in seconds since the first event of the log.

Source: .event.log (design/event.rst), of which events.py is the reader.
Needs matplotlib (tool/packages page).
"""
import collections
import html
import io
import math

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker  # noqa: E402

import events as log  # noqa: E402

WIDE = (9, 3.2) # inches
PERCENTILES = (50, 90, 99, 100)
STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 2em auto; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { padding: 0.2em 1em; text-align: right; border-top: 1px solid #ccc; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
"""


class Story:
    """The events of one arena, by name, with the times in seconds."""

    def __init__(self, start):
        self.start, self.events = start, collections.defaultdict(list)
        self.traces = collections.defaultdict(list) # ends by reason

    def add(self, event):
        self.events[event.kind.name].append(event)
        if event.kind.name == "trace_end":
            starts = self.events["trace_start"]
            why = starts[-1].values["why"] if starts else "unknown"
            self.traces[why].append(event.values)

    def times(self, name):
        return [(event.time - self.start) / 1e9 for event in self.events[name]]

    def values(self, name, field):
        return [event.values[field] for event in self.events[name]]


def stories_of(events):
    """{(process, arena): Story}, in the order of their first events."""
    start, stories = events[0].time if events else 0, {}
    for event in events:
        if event.arena:
            key = (event.process, event.arena)
            stories.setdefault(key, Story(start)).add(event)
    return stories


# Figures

def size_axis(axes):
    """From zero on, with a mark at each so many powers of two."""
    axes.set_ylim(bottom=0)
    step = 1 << max(math.ceil(math.log2(max(axes.get_ylim()[1], 1) / 6)), 0)
    axes.yaxis.set_major_locator(ticker.MultipleLocator(step))
    axes.yaxis.set_major_formatter(
        ticker.FuncFormatter(lambda size, _: log.show_size(max(int(size), 0))))


def picture(draw, *arguments):
    """What draw paints on a pair of axes, as SVG to be put into the page."""
    figure, axes = pyplot.subplots(figsize=WIDE, layout="constrained")
    draw(axes, *arguments)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    svg = text.getvalue()
    return svg[svg.index("<svg"):]


def sizes_of_gens(story):
    """Moments, and for each generation its sizes at these."""
    moments, sizes, now = [], {}, {}
    for time, event in zip(story.times("gen_work"), story.events["gen_work"]):
        now[event.values["gen"]] = event.values["size"]
        for gen in now:
            sizes.setdefault(gen, [0] * len(moments))
        moments.append(time)
        for gen, row in sizes.items():
            row.append(now[gen])
    return moments, dict(sorted(sizes.items()))


def draw_heap(axes, story):
    moments, sizes = sizes_of_gens(story)
    if moments:
        axes.stackplot(moments, *sizes.values(), step="post",
                       labels=[f"generation {gen}" for gen in sizes])
    axes.step(story.times("trace_end"), story.values("trace_end", "used"),
              "k", where="post", label="in use", linewidth=0.8)
    axes.set_xlabel("time (s)")
    axes.legend(loc="upper left", fontsize="small")
    size_axis(axes)


def draw_pauses(axes, pauses):
    low = math.floor(4 * math.log10(max(min(pauses), 1e-7)))
    high = math.ceil(4 * math.log10(max(max(pauses), 1e-7)))
    edges = [10 ** (k / 4) for k in range(low, max(high, low + 1) + 1)]
    axes.hist([min(max(pause, edges[0]), edges[-1]) for pause in pauses],
              bins=edges)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(
        ticker.FuncFormatter(lambda time, _: log.show_time(time)))
    axes.set_xlabel("length of a pause")
    axes.set_ylabel("pauses")


def draw_survival(axes, story):
    times = story.times("trace_end")
    axes.plot(times, story.values("trace_end", "condemned"), ".",
              label="condemned")
    axes.plot(times, story.values("trace_end", "live"), ".",
              label="survived")
    axes.set_xlabel("time (s)")
    axes.legend(loc="upper left", fontsize="small")
    size_axis(axes)


def reasons_of(story):
    """{reason: bytes that stayed in place for it, of each trace}"""
    traces = story.events["amc_trace_end"]
    names = [name for name, _, _ in traces[0].kind.fields
             if name.startswith("why_")]
    return {name: [event.values[name] * event.values["grain"]
                   for event in traces] for name in names}


def draw_retention(axes, story):
    times = story.times("amc_trace_end")
    for name, sizes in reasons_of(story).items():
        if any(sizes):
            axes.plot(times, sizes, ".", label=name)
    axes.set_xlabel("time (s)")
    axes.legend(loc="upper left", fontsize="small")
    size_axis(axes)


# Numbers

def percentile(values, part):
    """The least value that part percent of all aren't above."""
    values = sorted(values)
    return values[max(math.ceil(len(values) * part / 100), 1) - 1]


def table(head, rows):
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>"
                                for cell in cells) + "</tr>"
    return ("<table>" + line(head, "th")
            + "".join(line(row, "td") for row in rows) + "</table>")


def table_of_pauses(story):
    groups = collections.defaultdict(list)
    for event in story.events["resume"]:
        groups[event.values["why"] or "other"].append(event.values["pause"])
    groups = {"all": story.values("resume", "pause"), **groups}
    rows = [[why, len(pauses)]
            + [log.show_time(percentile(pauses, part))
               for part in PERCENTILES] + [log.show_time(sum(pauses))]
            for why, pauses in groups.items()]
    return table(["pauses", "count"] + [f"{part} %" for part in PERCENTILES]
                 + ["sum"], rows)


def table_of_traces(story):
    rows = [[reason, len(traces),
             log.show_size(sum(one["condemned"] for one in traces)),
             log.show_size(sum(one["live"] for one in traces)),
             log.show_time(sum(one["elapsed"] for one in traces))]
            for reason, traces in story.traces.items()]
    return table(["collections", "count", "condemned", "survived",
                  "from start to end"], rows)


def table_of_reasons(story):
    rows = [[name, log.show_size(max(sizes)),
             log.show_size(sum(sizes) // len(sizes))]
            for name, sizes in reasons_of(story).items() if any(sizes)]
    return table(["stayed in place because of", "most", "mean"], rows)


# The page

def chapter(key, story):
    yield f"<h2>Process {key[0]}, arena {key[1]}</h2>"
    if story.events["trace_end"]:
        yield "<h3>Heap by generation</h3>" + picture(draw_heap, story)
    if story.events["resume"]:
        yield "<h3>Pauses</h3>" + table_of_pauses(story)
        yield picture(draw_pauses, story.values("resume", "pause"))
    if story.events["trace_end"]:
        yield "<h3>Collections</h3>" + table_of_traces(story)
        yield picture(draw_survival, story)
    if story.events["amc_trace_end"]:
        yield "<h3>What stayed in place</h3>" + table_of_reasons(story)
        yield picture(draw_retention, story)


def page(name, events):
    length = (events[-1].time - events[0].time) / 1e9 if events else 0
    yield "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
    yield f"<title>{html.escape(name)}</title><style>{STYLE}</style></head>"
    yield f"<body><h1>{html.escape(name)}</h1>"
    yield f"<p>{len(events)} events in {log.show_time(length)}.</p>"
    stories = stories_of(events)
    if not any(story.events["trace_end"] for story in stories.values()):
        yield ("<p>The log tells of no collection.  Was"
               " <code>MPS_TELEMETRY_CONTROL</code> without"
               " <code>trace</code>?</p>")
    for key, story in stories.items():
        yield from chapter(key, story)
    yield "</body></html>"


def write(name, events, path):
    """Write the page; name is the log's.  OSError if it can't be."""
    with open(path, "w", encoding="utf-8") as out:
        for piece in page(name, events):
            out.write(piece + "\n")
