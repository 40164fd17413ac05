"""Which characters are common in the languages that each legacy encoding was made for.

Small tables, by hand: enough to tell encodings apart that decode the same bytes, since a wrong one
gives rare letters, symbols in the middle of words, or capitals behind small letters.
"""

# ruff: noqa: RUF001 - letters of many scripts are what this is about

import re
from dataclasses import dataclass

_WESTERN = (
    "éäöüßèàçñóíáêúã",
    "ôâîõëïìòùûœÄÖÜÉåøæÅØÆÀÈÇÑÁÓÍÚþðÞý",
    "ŒÊÔÂÎÛËÏÃÕÌÒÙÝÿŸÐšŠžŽ",
)
_CENTRAL = (
    "ąęłśżźćńóáéíěščřžýůúďťňőűöüăâîșțä",
    "ŁŚŻŹĆŃÓÁÉÍĚŠČŘŽÝŮÚĎŤŇŐŰÖÜĄĘĂÂÎȘȚŞŢÄşţëß",
    "ľĺŕôĽĹŔÔçđĐ",
)
_BALTIC = ("ąčęėįšųūžāēģīķļņ", "õäöüĄČĘĖĮŠŲŪŽĀĒĢĪĶĻŅÕÄÖÜ", "óéåøæßÓÉÅØÆ")
_TURKISH = ("ıişğçöüİŞĞÇÖÜâ", "îûÂÎÛ", "éè")
_CYRILLIC = ("оеаинтсрвлкмдпу", "яыьгзбчйхжшюцщэфіїєґё", "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЭЮЯЫЬІЇЄҐЁ")
_GREEK = ("αοιετνσηυρπκμλς", "όίάγήέδωχθύφβώξζψ", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏϊϋΐ")
_HEBREW = ("ויהלאתרמבש", "נדםעחקפכטגסזצןךףץ", "")
_ARABIC = ("اليمنرتوبعد", "سهفكقحجشطصخةأضغذثزىئإءظؤآپچژگ", "،؛؟")
_THAI = ("านรอกเงมยลวดทสตะปบคหแจพชขใไโผ", "ิีึืุู่้๊๋์ั็ำซถศษธณญฐภฟฉฝ", "ฒฎฏฑฆฬฮฤฯๆ")

LANGUAGES = {
    name: frozenset(f"{letters}{letters.upper()}")
    for name, letters in {
        "French": "éèêëàâçùûüîïôœæÿ",
        "German": "äöüßé",
        "Spanish": "áéíóúüñ",
        "Portuguese": "áâãàçéêíóôõúü",
        "Italian": "àèéìòùî",
        "Nordic": "åäöæøéüáíóúýþð",
        "Polish": "ąćęłńóśźż",
        "Czech": "áčďéěíňóřšťúůýž",
        "Slovak": "áäčďéíĺľňóôŕšťúýž",
        "Hungarian": "áéíóöőúüű",
        "Romanian": "ăâîșşțţ",
        "Croatian": "čćđšž",
        "Turkish": "çğıİöşüâî",
        "Lithuanian": "ąčęėįšųūž",
        "Latvian": "āčēģīķļņšūž",
        "Estonian": "äõöüšž",
    }.items()
}
"""The letters beyond ASCII of languages that are written with Latin ones."""

_RANKS = (1.0, 0.8, 0.4)


@dataclass(frozen=True, slots=True)
class Script:
    """The letters of some languages, and whether they are written within Latin words."""

    weights: dict[str, float]
    is_latin: bool


def _script(ranks: tuple[str, str, str], *, is_latin: bool = False) -> Script:
    weights = {c: rank for rank, letters in zip(_RANKS, ranks, strict=True) for c in letters}
    return Script(weights, is_latin)


_WEST = _script(_WESTERN, is_latin=True)
_EAST = _script(_CENTRAL, is_latin=True)
_SLAVIC = _script(_CYRILLIC)

SINGLE_BYTE: dict[str, Script] = {
    "cp1252": _WEST,
    "iso-8859-15": _WEST,
    "cp1250": _EAST,
    "iso-8859-2": _EAST,
    "cp1251": _SLAVIC,
    "koi8-u": _SLAVIC,
    "cp866": _SLAVIC,
    "iso-8859-5": _SLAVIC,
    "cp1253": _script(_GREEK),
    "iso-8859-7": _script(_GREEK),
    "cp1254": _script(_TURKISH, is_latin=True),
    "cp1257": _script(_BALTIC, is_latin=True),
    "cp1255": _script(_HEBREW),
    "cp1256": _script(_ARABIC),
    "iso-8859-6": _script(_ARABIC),
    "cp874": _script(_THAI),
    "cp850": _WEST,
    "cp437": _WEST,
    "cp852": _EAST,
    "mac-roman": _WEST,
    "mac-cyrillic": _SLAVIC,
}
"""Encodings of one byte per character, the more usual first: an earlier one wins a tie."""

LONE_LETTERS = frozenset("àèéêóòùôúáíýåöäüæøÀÈÉÓÅÖÁÍÚØšžčřůışğçÇ")
"""Letters that are a word, or an abbreviation, by themselves."""

COMMON_SYMBOLS = frozenset("€£°§©®™–—’‘“”„«»…•·²³½¼¾±×µº¡¿№\xa0´")
"""Not letters, but usual where they stand by themselves."""


@dataclass(frozen=True, slots=True)
class SymbolPlace:
    """What may stand before and after a symbol where it is usual."""

    before: str
    after: str

    def matches(self, before: str, after: str) -> bool:
        """Whether two neighbours are such; each is one character, or empty at a word's end."""
        return bool(re.fullmatch(self.before, before) and re.fullmatch(self.after, after))


_PRICE = SymbolPlace(r"\d?", r"\d?")

SYMBOL_PLACES: dict[str, SymbolPlace] = {
    **dict.fromkeys("¿¡", SymbolPlace(r"", r"[^\W\d_]")),
    "°": SymbolPlace(r"[\dnN]?", r"[CFKNSEWd\d]?"),
    "±": SymbolPlace(r"\d?", r"\d?"),
    **dict.fromkeys("²³", SymbolPlace(r"[a-zA-Z\d)]", r"")),
    **dict.fromkeys("µμ", SymbolPlace(r"\d?", r"[a-zA-Z]")),
    "Ω": SymbolPlace(r"[\dkM]", r""),
    **dict.fromkeys("½¼¾", SymbolPlace(r"\d?", r"")),
    **dict.fromkeys("£€¥¢", _PRICE),
    **dict.fromkeys("ºª", SymbolPlace(r"[\dnN]", r"")),
    "©": SymbolPlace(r"", r"[A-Za-z\d]?"),
    **dict.fromkeys("®™", SymbolPlace(r"[A-Za-z\d]?", r"")),
}
"""Signs of units, fractions, currencies and marks, which stand next to digits or units."""

ORDINALS = frozenset("èéºª")
"""Letters that follow a number in French, Spanish, Italian and Portuguese."""

APOSTROPHES = frozenset("’‘–—·´\xa0“”„«»")
"""Symbols that may touch letters."""

OPENING_QUOTES = frozenset("„‘")
"""Quotes that no letter stands before."""

CLOSING_QUOTES = frozenset("’”")
"""Quotes that hardly stand at the start of a word."""

INNER_QUOTES = frozenset("“”«»")
"""Quotes that do not stand between two letters."""

WIDE_SYMBOLS = frozenset("、。「」『』（）・ー：，；！？％－　【】《》〒＃／")
"""Punctuation of full width, as East Asian text has it."""

KANA = frozenset(chr(c) for c in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FD)))
_JAPANESE = (
    "日本東京大都府県市区町村名前住所電話番号年月時分円金額株式会社商品数量郵便人生学校田中山川"
    "木小高佐藤鈴渡辺伊加吉松井上下野村林清水斎阪神横浜愛知福岡北海道千葉埼玉兵庫広島仙台性別男女"
    "備考合計単価売担当者姓地方部課長新旧顧客注文出荷在庫登録更新受付済未支払請求書"
)
_SIMPLIFIED = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出会时要就可以对生能而下过家十用发"
    "姓名地址电话城市省区县公司数量价格日期年月号北京海广州深圳天津重庆南武汉杭成都西安王李张刘"
    "陈杨赵黄周吴男女性别备注编码客户产品订单金额合计学校路街道有限业部门总经理类型状态是否"
)
_TRADITIONAL = (
    "的一是不了人我在有他這中大來上國個到說們為子和你地出會時要就可以對生能而下過家十用發"
    "姓名地址電話城市省區縣公司數量價格日期年月號臺灣台北高雄中南新竹桃園王李張劉陳楊趙黃周吳林"
    "蔡男女性別備註編碼客戶產品訂單金額合計學校路街道有限業部門總經理類型狀態"
)
_KOREAN = (
    "이다의는에가을한하고를지서도로기사인자어리시정대일아과해나주수부전구상스동보원김박최조강장임"
    "성명이름주소전화번호서울산광역시도군읍면길층호남여별우편금액합계날짜년월회사제품수량가격비"
)

MULTI_BYTE: dict[str, frozenset[str]] = {
    "cp932": frozenset(_JAPANESE),
    "euc-jp": frozenset(_JAPANESE),
    "gb18030": frozenset(_SIMPLIFIED),
    "big5": frozenset(_TRADITIONAL),
    "cp949": frozenset(_KOREAN),
}
"""East Asian encodings, with the characters that are usual in names, addresses and headings."""

LEVEL_ONE = {
    "cp932": ("cp932", 0x88, 0x98),
    "euc-jp": ("cp932", 0x88, 0x98),
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5": ("big5", 0xA4, 0xC6),
    "cp949": ("euc-kr", 0xB0, 0xC8),
}
"""Codec and first bytes of the everyday characters of a standard.

Source: JIS X 0208 level 1, GB 2312 level 1, Big5 level 1, KS X 1001 Hangul.
"""
