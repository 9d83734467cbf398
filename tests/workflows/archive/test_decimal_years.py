"""Years of calendars that numpy has not."""

import numpy as np
import pytest

from fastkm.workflows.archive.figures import as_times


def dates(month_days, hours):
    return [
        f"2001-{month:02d}-{day:02d}T{hour:02d}:00:00"
        for month, days in enumerate(month_days, 1)
        for day in range(1, days + 1)
        for hour in hours
    ]


@pytest.mark.parametrize(
    ("calendar", "month_days"),
    [
        ("noleap", (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)),
        ("all_leap", (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)),
        ("360_day", (30,) * 12),
    ],
)
def test_steps_of_a_year_are_even(calendar, month_days):
    years = as_times(dates(month_days, (0, 6, 12, 18)), calendar)
    np.testing.assert_allclose(years, 2001 + np.arange(len(years)) / len(years), atol=1e-9)


@pytest.mark.parametrize("calendar", ["julian", "proleptic_gregorian"])
def test_years_begin_where_they_do(calendar):
    years = as_times(["0001-01-01T00:00:00", "1500-01-01T00:00:00.25"], calendar)
    np.testing.assert_allclose(years, [1, 1500], atol=1e-7)
