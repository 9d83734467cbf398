"""All parts of the benchmarks, by the names that the command takes, in the order of the results."""

from bench import archive, commands, lesson, limit, memory, polygons, quality, scaling, startup
from bench.cases import CASES
from bench.comparison import comparison
from bench.large import clusters
from bench.large import polygons as large_polygons
from bench.part import Part

PARTS: dict[str, Part] = {
    "lesson": lesson.PART,
    "vq": comparison("In place of scipy", CASES["vq"]),
    "kmeans1d": comparison("One dimension", CASES["kmeans1d"]),
    "kmeans": comparison("Several features", CASES["kmeans"]),
    "outlines": comparison("From labels to outlines", CASES["outlines"]),
    "polygons": polygons.PART,
    "quality": quality.PART,
    "scaling": scaling.PART,
    "limit": limit.PART,
    "memory": memory.PART,
    "startup": startup.PART,
    "commands": commands.PART,
    "archive": archive.PART,
    "large-scene": clusters.SCENE_PART,
    "large-band": clusters.BAND_PART,
    "large-polygons": large_polygons.PART,
}
