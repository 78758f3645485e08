"""The clocks as data: every row is dated and cited, and a user's rows stand beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from aiir_eval.errors import DocumentError
from aiir_eval.incidents.clocks import load_clocks, shipped_clocks

OWN = {
    "id": "msa-acme",
    "regime": "Contract",
    "title": "Security notice to Acme",
    "citation": "MSA with Acme, clause 12.3",
    "who": "we",
    "to": "Acme",
    "trigger": {"flags": ["security_exposure"], "condition": "a security event"},
    "limits": [{"event": "awareness", "amount": 2, "unit": "business_days"}],
    "holidays": "DE-BY",
    "timezone": "Europe/Berlin",
    "verify_by": "2027-01-01",
    "checked": "primary",
}


def write(tmp_path: Path, *clocks: dict[str, object], **fields: object) -> Path:
    path = tmp_path / "clocks.yaml"
    path.write_text(yaml.safe_dump({"schema": "aiir/clocks/1", **fields, "clocks": list(clocks)}))
    return path


def test_every_row_has_a_citation_a_trigger_and_a_day_to_check_it_by() -> None:
    clocks = shipped_clocks().clocks
    assert len(clocks) >= 25
    for clock in clocks:
        assert clock.citation
        assert clock.trigger.condition
        assert clock.verify_by.year >= 2026
        assert clock.checked in ("primary", "secondary", "unverified")


def test_rows_that_are_not_settled_ship_switched_off() -> None:
    off = {clock.id for clock in shipped_clocks().clocks if not clock.enabled}
    assert off == {"ny-raise", "ny-raise-imminent"}
    assert not off & {clock.id for clock in shipped_clocks().shown()}


def test_a_row_of_a_contract_stands_beside_the_shipped_ones(tmp_path: Path) -> None:
    clocks = load_clocks(write(tmp_path, OWN))
    assert clocks.of("msa-acme") is not None
    assert len(clocks.clocks) == len(shipped_clocks().clocks) + 1


def test_a_row_with_the_id_of_a_shipped_one_replaces_it(tmp_path: Path) -> None:
    shipped = shipped_clocks().of("ny-raise")
    assert shipped is not None
    changed = {**shipped.model_dump(mode="json"), "enabled": True, "effective_from": "2027-03-19"}
    clocks = load_clocks(write(tmp_path, changed))
    own = clocks.of("ny-raise")
    assert own is not None
    assert own.enabled
    assert str(own.effective_from) == "2027-03-19"
    assert len(clocks.clocks) == len(shipped_clocks().clocks)


def test_regimes_narrow_what_is_shown(tmp_path: Path) -> None:
    clocks = load_clocks(write(tmp_path, OWN, regimes=["gdpr", "Contract"]))
    assert {clock.regime for clock in clocks.shown()} == {"GDPR", "Contract"}
    with pytest.raises(DocumentError, match="no clock belongs to 'GPDR'; there are GDPR"):
        load_clocks(write(tmp_path, OWN, regimes=["GPDR"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"limits": [{"event": "awareness", "unit": "hours"}]}, "give an amount"),
        ({"limits": [{"amount": 4, "unit": "hours"}]}, "what the period runs from"),
        ({"limits": [{"event": "moon", "amount": 4, "unit": "hours"}]}, "limits[0].event"),
        ({"limits": [{"after_report_of": "nope", "amount": 1, "unit": "months"}]},
         "no clock has the id 'nope'"),
        ({"limits": [{"after_report_of": "msa-acme", "amount": 1, "unit": "months"}]},
         "cannot start with its own report"),
        ({"limits": []}, "a deadline has limits"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"holidays": None}, "business days need holidays"),
        ({"holidays": "ZZ"}, "no calendar of holidays"),
        ({"trigger": {"flags": ["weather"], "condition": "x"}}, "trigger.flags[0]"),
        ({"verify_by": "soon"}, "verify_by"),
        ({"colour": "red"}, "colour: unknown field"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_told_with_its_line(
    change: dict[str, object], says: str, tmp_path: Path
) -> None:
    path = write(tmp_path, {**OWN, **change})
    with pytest.raises(DocumentError) as caught:
        load_clocks(path)
    assert says in str(caught.value)
    assert f"{path}:" in str(caught.value)


def test_two_rows_of_one_id_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="two clocks have the id 'msa-acme'"):
        load_clocks(write(tmp_path, OWN, OWN))
