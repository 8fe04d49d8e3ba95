"""Results as JSON, CSV, data frame and table: nothing lost, units in every name."""

import csv
import io
import json

import jobs
import pytest

import exciton
from exciton.result import Result, headings

EDGE = "structure.core.edge_nm"
UNITLESS = {"alignment_type", "type_by_states", "overlap_squared", "unknowns", "seconds"}
UNITLESS |= {"enhancement", "enhancement_error", "mean_enhancement", "local_field"}
UNITS = ("_nm", "_eV", "_meV", "_K", "_nm3", "_ns")


@pytest.fixture(scope="module")
def result():
    sweep = [{"parameter": EDGE, "values": [4.0, 5.0]}]
    return exciton.solve(jobs.job(4.0, (("B", 1.0),), sweep=sweep, accuracy={"energy_meV": 10.0}, title="two cubes"))


def test_json_there_and_back(result):
    again = Result.from_json(result.as_json())
    assert again == result
    assert list(json.loads(result.as_json()))[:2] == ["schema", "title"]


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"schema": 2, "points": []}', '{"schema": 1}', "{", '{"schema": 1, "points": []}']
)
def test_what_is_no_result(text):
    with pytest.raises((ValueError, KeyError)):
        Result.from_json(text)


def test_csv_columns_carry_units(result):
    rows = list(csv.DictReader(io.StringIO(result.as_csv())))
    assert [float(row[EDGE]) for row in rows] == [4.0, 5.0]
    for name in rows[0]:
        assert name in UNITLESS or name.endswith(UNITS) or "_in_" in name, name
    for row, point in zip(rows, result.points):
        assert float(row["electron_meV"]) == point["electron"]["energies_meV"][0]
        assert float(row["emission_nm"]) == point["emission_nm"]
        assert float(row["electron_in_shell_1"]) == point["electron"]["probability"][0]["shell_1"]


def test_csv_of_points_without_a_pair():
    found = exciton.solve(jobs.job(4.0, (("B", 1.0),), accuracy={"energy_meV": 10.0}, exciton={"level": "none"}))
    assert not any(name.startswith("pair") or name.endswith("_term_meV") for name in found.rows()[0])


def test_data_frame(result):
    pandas = pytest.importorskip("pandas")
    frame = result.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame[EDGE]) == [4.0, 5.0]
    assert frame["emission_eV"].tolist() == [point["emission_eV"] for point in result.points]


def test_terminal_table(result):
    heads, cells = headings(result.points, result.materials)
    assert len(heads) == len(cells[0]) == 9
    assert heads[-3] == "pair - gap meV"  # no binding energy: kinetic energy included
    assert [row[0] for row in cells] == ["4", "5"]
    assert cells[0][-2] == f"{result.points[0]['emission_eV']:.4f}"
