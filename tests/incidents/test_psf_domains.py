"""PSF domains: eight of them, known by id, name and alias; anything else lists those there are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from aiir_eval.errors import DocumentError
from aiir_eval.incidents.classes import CLASSES, ControlKind
from aiir_eval.incidents.loading import load_incident, load_register
from aiir_eval.incidents.psf import load_taxonomy, psf_taxonomy


def test_the_eight_domains_are_those_of_edition_1_1_with_their_source() -> None:
    psf = psf_taxonomy()
    assert [domain.id for domain in psf.domains] == [f"PSF-{number}" for number in range(1, 9)]
    assert psf.edition == "1.1"
    assert psf.publisher == "Production AI Institute"
    assert psf.source.startswith("https://productionai.institute/")
    assert all(domain.summary for domain in psf.domains)
    assert set(psf.defaults) == set(CLASSES)


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("PSF-6", "PSF-6"),
        ("psf-6", "PSF-6"),
        ("D6", "PSF-6"),
        ("Human Oversight", "PSF-6"),
        ("human  oversight & control", "PSF-6"),
        ("Data Governance & PII", "PSF-3"),
        ("Observability & Monitoring", "PSF-4"),
    ],
)
def test_a_domain_is_known_by_id_name_and_alias(name: str, id_: str) -> None:
    assert psf_taxonomy().resolve(name) == id_


def test_no_two_domains_share_a_name() -> None:
    psf = psf_taxonomy()
    names = [name for domain in psf.domains for name in (domain.id, domain.name, *domain.aliases)]
    assert len(psf.names()) == len(names)


def test_an_unknown_domain_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(ValueError, match="'PSF-9' is no domain") as caught:
        psf_taxonomy().resolve("PSF-9")
    assert all(f"PSF-{number} (" in str(caught.value) for number in range(1, 9))
    with pytest.raises(ValueError, match="did you mean PSF-2"):
        psf_taxonomy().resolve("Output Validaton")


def test_another_taxonomy_is_a_file_of_the_same_form(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    head = "edition: '2'\nname: Own\npublisher: us\nsource: https://example.com\n"
    path.write_text(head + "domains: [{id: O-1, name: First, aliases: [one]}]\n")
    assert load_taxonomy(path).resolve("ONE") == "O-1"
    path.write_text(head + "domains: []\n")
    with pytest.raises(DocumentError, match=":5: domains"):
        load_taxonomy(path)


OWN = """\
edition: "2"
name: Own Framework
publisher: us
source: https://example.com
defaults: {hallucination: [O-2]}
domains:
  - {id: O-1, name: First, aliases: [one]}
  - {id: O-2, name: Second}
"""
RECORD = """\
id: INC-1
title: A promise
class: hallucination
system: desk
model: m
prompt_version: "1"
data_source: pages
user_population: customers
triggering_input: May I?
observed_output: Yes.
downstream_impact: one
containment_decision: paused
remediation_owner: J. Doe
psf_domains: [one, second]
"""


def test_a_register_has_a_taxonomy_of_its_own_beside_its_records(tmp_path: Path) -> None:
    (tmp_path / "psf.yaml").write_text(OWN)
    (tmp_path / "hallucination").mkdir()
    path = tmp_path / "hallucination" / "INC-1.yaml"
    path.write_text(RECORD)
    register = load_register(tmp_path)
    assert register.problems == ()
    incident = register.incidents["INC-1"]
    assert (incident.psf_domains, incident.psf_edition) == (["O-1", "O-2"], "2")
    assert load_incident(path) == incident  # found from the file alone, too
    path.write_text(RECORD.replace("[one, second]", "[PSF-2]"))
    (problem,) = load_register(tmp_path).problems
    assert "'PSF-2' is no domain of the Own Framework 2" in str(problem)
    assert "There are O-1 (First), O-2 (Second)" in str(problem)


def test_a_record_of_another_edition_is_refused(tmp_path: Path) -> None:
    (tmp_path / "psf.yaml").write_text(OWN)
    (tmp_path / "INC-1.yaml").write_text(RECORD + 'psf_edition: "1.1"\n')
    (problem,) = load_register(tmp_path).problems
    assert "edition '1.1' is not known" in str(problem)


def test_defaults_of_a_class_are_those_of_the_taxonomy(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    own = load_taxonomy(path)
    assert own.domains_of("hallucination") == ["O-2"]
    assert own.domains_of("unsafe_action") == ["O-1", "O-2"]  # no default: a person narrows down
    assert psf_taxonomy().domains_of("quality_drift") == ["PSF-5", "PSF-4", "PSF-2"]
    assert set(psf_taxonomy().controls) == set(get_args(ControlKind))
    assert psf_taxonomy().domains_of_control("fallback") == ["PSF-8"]
    assert own.domains_of_control("fallback") == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("aliases: [one]", "aliases: [Second]", "'second' names both"),
        ("[O-2]", "[O-9]", "'O-9' is no domain here"),
        ("hallucination:", "nope:", "defaults"),
    ],
)
def test_a_taxonomy_that_contradicts_itself_is_refused(
    old: str, new: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(DocumentError, match=says):
        load_taxonomy(path)


def test_the_framework_is_attributed_and_no_endorsement_is_claimed() -> None:
    text = files("aiir_eval.incidents").joinpath("psf.yaml").read_text("utf-8")
    assert "Production AI Institute" in text
    assert "neither reviewed nor endorsed" in " ".join(text.replace("#", " ").split())
    assert psf_taxonomy().licence
