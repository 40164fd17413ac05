"""Whether the first of several rows of plain words names the columns, by the words themselves.

Where every column is text, nothing but the words can tell: usual names of columns, or a way of
writing that the rows below do not have.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

_TOKENS = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])")
_MIN_ROWS = 2
_MIN_SORTED = 5
"""So many different values in order are hardly so by chance."""
_LAST_LATIN = "\u024f"

_ENGLISH = """
id key code name first last full middle surname firstname lastname fullname username user title
label type kind class category group status state city town country region county district
province zip postcode postal street address email mail phone mobile fax url website link date time
day month year week start end begin from to until created updated modified description desc
comment comments note notes remark remarks text message subject body content value amount price
cost total sum quantity qty count number num no nr size length width height weight color colour
gender sex age birthday dob language lang currency unit units customer client supplier vendor
company organisation organization department dept team role position job owner author editor
publisher artist album song genre product item sku brand model make order invoice account contact
person people member student teacher employee manager question answer response rating score rank
level priority severity source target origin destination location place site station stop route
line path file filename folder host server version format method action event reason result
outcome latitude longitude lat lon species genus family gene sample fruit animal word words term
meaning definition translation abbreviation symbol flag enabled active capital continent
nationality religion party isbn ticker sector industry field column row table parent child tag
tags keyword keywords topic theme section
pattern regex expression formula rule default example
planet moon star galaxy constellation continent island ocean sea river lake mountain volcano desert
animal bird dog cat horse breed insect plant tree flower crop vegetable food dish drink wine beer
cheese recipe ingredient cuisine diet habitat ecosystem mineral rock element compound metal gas
disease symptom drug medicine treatment dose patient doctor hospital vet nurse organ bone
team coach player club league sport stadium match opponent winner loser referee score medal athlete
band singer drummer guitarist musician composer instrument film movie actor director character
series episode studio show channel book novel poet writer poem painter painting museum artwork
architect building bridge airport airline aircraft plane ship port flag harbour train vehicle car
engine driver owner manufacturer maker inventor invention discovery founder scientist university
school college faculty subject lecturer professor president king queen ruler dynasty war battle
army god hero myth festival holiday tradition dance game toy hat garment shoe fabric material tool
device machine sensor gadget software package program library maintainer developer license version
command option parameter setting argument variable function attribute property feature field
english french german spanish italian latin greek japanese chinese translation synonym antonym noun
verb adjective letter sentence phrase proverb quote speaker witness crime suspect weapon victim
occupation profession hobby skill task step phase stage milestone goal risk issue problem solution
cause effect reason benefit advantage disadvantage input output sender receiver recipient buyer
seller trader broker bank fund bond stock asset currency tax law court judge lawyer ministry agency
office bureau mayor governor senator region village street avenue neighbourhood neighborhood
parish municipality prefecture canton landmark attraction hotel restaurant shop store mall market
menu meal breakfast lunch dinner dessert flavour flavor spice herb fruit nut grain
"""
_GERMAN = """
nummer kennung vorname nachname ort stadt land straße strasse plz telefon datum uhrzeit von bis
betrag preis menge anzahl bezeichnung beschreibung bemerkung kommentar art typ kategorie gruppe
kunde firma abteilung farbe größe sprache währung einheit frage antwort wort titel
tier vogel hund rasse pflanze baum blume lebensraum nahrung speise gericht getränk fluss see berg
meer insel planet mond stern verein mannschaft trainer spieler spiel gegner sieger film schauspieler
regisseur buch autor verlag dichter maler beruf fach lehrer schule klasse schüler arzt krankheit
fahrzeug marke modell hersteller lieferant artikel produkt ware werkstoff maschine gerät begriff
bedeutung übersetzung hauptstadt bundesland kreis gemeinde sprache währung amt behörde
"""
_ROMANCE = """
nom prénom prenom ville pays adresse rue téléphone courriel date début fin montant prix quantité
libellé catégorie statut commentaire nombre apellido apellidos nombres ciudad país pais dirección
calle teléfono correo fecha importe precio cantidad descripción categoría estado nome cognome
città paese indirizzo telefono importo prezzo descrizione sobrenome cidade endereço telefone valor
preço quantidade descrição capitale animal oiseau chien plante arbre fleur fruit légume plat boisson
fleuve montagne île équipe joueur entraîneur livre auteur réalisateur acteur métier élève matière
produit marque modèle fournisseur langue monnaie animales ave perro planta árbol flor fruta plato
bebida río montaña isla equipo jugador entrenador libro autor película profesión alumno producto
marca modelo proveedor idioma moneda capital uccello cane pianta albero fiore piatto bevanda fiume
montagna isola squadra giocatore allenatore libro autore regista attore professione prodotto lingua
valuta animale cor couleur color colore
"""
"""French, Spanish, Italian, Portuguese."""
_OTHERS = """
naam voornaam achternaam plaats straat bedrag prijs omschrijving navn fornavn efternavn namn
förnamn efternamn stad gata belopp pris imię imie nazwisko miasto kraj ulica kwota cena opis jméno
příjmení město ulice ad soyad şehir adres tutar fiyat имя фамилия отчество город страна адрес
улица телефон дата сумма цена количество название описание код тип статус
"""
"""Dutch, Danish, Swedish, Polish, Czech, Turkish, Russian."""
_USUAL = frozenset(f"{_ENGLISH}{_GERMAN}{_ROMANCE}{_OTHERS}".split())


def has_usual_name(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a cell of a row is a usual name of a column, or written as programs name things.

    A word like ``fruit`` names no column whose other cells are such words, too.
    """
    return _is_alphabet(row) or any(
        _is_usual(cell) and not _are_usual([r[j] for r in body if j < len(r)])
        for j, cell in enumerate(row)
    )


def _is_usual(cell: str) -> bool:
    return "_" in cell or not _USUAL.isdisjoint(_words(cell))


def _are_usual(cells: Sequence[str]) -> bool:
    return sum(map(_is_usual, cells)) * 3 > len(cells)


def _is_alphabet(row: Sequence[str]) -> bool:
    """Whether columns are called a, b, c, as in examples, or x and y."""
    return len(row) > 1 and "".join(row).casefold() in (
        "abcdefghijklmnopqrstuvwxyz"[: len(row)],
        "xy",
        "xyz",
    )


def is_apart(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a row breaks what all rows below it have: their order, or that values occur again."""
    columns = [
        (row[j].strip().casefold(), [r[j].strip().casefold() for r in body if j < len(r)])
        for j in range(len(row))
    ]
    return any(_breaks_order(*column) or _is_once(*column) for column in columns)


def _breaks_order(name: str, cells: Sequence[str]) -> bool:
    """Whether cells are sorted, most of them different, and the first of all is out of place."""
    is_sorted = all(a <= b for a, b in pairwise(cells))
    return is_sorted and len(set(cells)) >= _MIN_SORTED and name > cells[0]


def _is_once(name: str, cells: Sequence[str]) -> bool:
    """Whether each value of a column occurs again, and the first does not."""
    counts = Counter(cells)
    return len(counts) > 1 and min(counts.values()) > 1 and name not in counts


def is_like_the_rest(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether each cell of a row is written like most of those below it, in length and in case."""
    if len(row) < 2 or len(body) < _MIN_ROWS:
        return False
    return all(_is_usual_in(cell, j, body) for j, cell in enumerate(row))


def _is_usual_in(cell: str, place: int, body: Sequence[Sequence[str]]) -> bool:
    others = [row[place] for row in body if place < len(row) and row[place].strip()]
    if not cell.strip():
        return not others
    lengths = [len(other.split()) for other in others]
    if not others or not min(lengths) <= len(cell.split()) <= max(lengths):
        return False
    case = _case(cell)
    return case != "" and Counter(map(_case, others)).most_common(1)[0][0] == case


def _case(cell: str) -> str:
    """Return how a cell is written; empty for a script whose usual names are not known here."""
    text = cell.strip()
    if text[:1] > _LAST_LATIN:
        return ""
    if text.islower():
        return "lower"
    if text.isupper() and len(text) > 1:
        return "upper"
    return "capital" if text[:1].isupper() else ""


def _words(cell: str) -> set[str]:
    return {token.casefold() for token in _TOKENS.findall(cell)}
