"""PSF domains: eight of them, known by id, name and alias; anything else lists those there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiir_eval.errors import DocumentError
from aiir_eval.incidents.classes import CLASSES
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
