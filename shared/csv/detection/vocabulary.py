"""Usual names of columns in some twenty languages: what tells a header from a row of words."""

# ruff: noqa: RUF001 - letters of many languages are what this is about

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
_CENTRAL_EUROPEAN = """
név vezetéknév keresztnév város ország cím utca dátum összeg ár mennyiség leírás megnevezés cikk
cikkszám szín típus állapot megjegyzés telefonszám vevő szállító mértékegység meno priezvisko mesto
obec krajina ulica adresa dátum suma cena množstvo popis názov druh typ stav poznámka příjmení obec
země adresa datum částka množství název druh barva stav poznámka telefon zákazník miejscowość
województwo adres data ilość opis nazwa rodzaj uwagi klient produkt kolor stanowisko zawód ime
prezime mjesto država drzava iznos cijena količina opis naziv vrsta boja
zanimanje naslov priimek kraj znesek poklic barva nume prenume oraș oraş localitate județ judeţ țară
ţară adresă stradă dată sumă preț preţ cantitate descriere denumire culoare stare observații meserie
"""
"""Hungarian, Slovak, Czech, Polish, Croatian, Serbian, Slovene, Romanian."""
_BALTIC_AND_NORDIC = """
vardas pavardė miestas šalis gatvė adresas kaina kiekis aprašymas pavadinimas rūšis
spalva būsena pastaba vārds uzvārds pilsēta valsts iela adrese datums cena daudzums apraksts
nosaukums krāsa piezīme eesnimi perekonnanimi nimi linn riik tänav aadress kuupäev hind kogus
kirjeldus nimetus värv märkus etunimi sukunimi kaupunki kunta katu osoite päivämäärä summa hinta
määrä kuvaus nimike väri tila huomautus ammatti fornavn etternavn mellomnavn sted poststed
adresse dato beløp pris antall antal beskrivelse betegnelse farge farve yrke bemærkning land
adress beskrivning benämning färg anmärkning nafn
"""
"""Lithuanian, Latvian, Estonian, Finnish, Norwegian, Danish, Swedish, Icelandic."""
_FURTHER = """
nama kota negara alamat jalan tanggal tarikh jumlah harga keterangan warna pekerjaan jenis bandar
tên họ tỉnh quận huyện phường đường ngày tháng giá lượng loại màu nghề cognoms ciutat
població carrer adreça quantitat preu descripció meslek renk adet miktar açıklama ilçe ülke
tarih tür woonplaats beroep kleur aantal hoeveelheid datum omschrijving soort merk
"""
"""Indonesian, Malay, Vietnamese, Catalan, Turkish, Dutch."""

USUAL_NAMES = frozenset(
    f"{_ENGLISH}{_GERMAN}{_ROMANCE}{_OTHERS}{_CENTRAL_EUROPEAN}{_BALTIC_AND_NORDIC}{_FURTHER}".split()
)
"""Words in lower case; a cell that has one of them may name a column."""
