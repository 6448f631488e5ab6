"""Languages of caption files: two-letter code, three-letter codes, English names. Data to read and extend."""

_TABLE = """
aa aar Afar
ab abk Abkhazian
af afr Afrikaans
ak aka Akan
am amh Amharic
an arg Aragonese
ar ara Arabic
as asm Assamese
av ava Avaric
ay aym Aymara
az aze Azerbaijani
ba bak Bashkir
be bel Belarusian
bg bul Bulgarian
bi bis Bislama
bm bam Bambara
bn ben Bengali Bangla
bo bod tib Tibetan
br bre Breton
bs bos Bosnian
ca cat Catalan Valencian
ce che Chechen
ch cha Chamorro
co cos Corsican
cr cre Cree
cs ces cze Czech
cu chu Church_Slavonic
cv chv Chuvash
cy cym wel Welsh
da dan Danish
de deu ger German
dv div Divehi Maldivian
dz dzo Dzongkha
ee ewe Ewe
el ell gre Greek
en eng English
eo epo Esperanto
es spa Spanish Castilian
et est Estonian
eu eus baq Basque
fa fas per Persian Farsi
ff ful Fulah
fi fin Finnish
fj fij Fijian
fo fao Faroese
fr fra fre French
fy fry Frisian
ga gle Irish
gd gla Scottish_Gaelic
gl glg Galician
gn grn Guarani
gu guj Gujarati
gv glv Manx
ha hau Hausa
he heb Hebrew
hi hin Hindi
ho hmo Hiri_Motu
hr hrv scr Croatian
ht hat Haitian Haitian_Creole
hu hun Hungarian
hy hye arm Armenian
hz her Herero
ia ina Interlingua
id ind Indonesian
ie ile Interlingue
ig ibo Igbo
ii iii Sichuan_Yi
ik ipk Inupiaq
io ido Ido
is isl ice Icelandic
it ita Italian
iu iku Inuktitut
ja jpn Japanese
jv jav Javanese
ka kat geo Georgian
kg kon Kongo
ki kik Kikuyu
kj kua Kuanyama
kk kaz Kazakh
kl kal Greenlandic Kalaallisut
km khm Khmer
kn kan Kannada
ko kor Korean
kr kau Kanuri
ks kas Kashmiri
ku kur Kurdish
kv kom Komi
kw cor Cornish
ky kir Kyrgyz Kirghiz
la lat Latin
lb ltz Luxembourgish
lg lug Ganda
li lim Limburgish
ln lin Lingala
lo lao Lao
lt lit Lithuanian
lu lub Luba-Katanga
lv lav Latvian
mg mlg Malagasy
mh mah Marshallese
mi mri mao Maori
mk mkd mac Macedonian
ml mal Malayalam
mn mon Mongolian
mr mar Marathi
ms msa may Malay
mt mlt Maltese
my mya bur Burmese
na nau Nauru
nb nob Bokmal Norwegian_Bokmal
nd nde North_Ndebele
ne nep Nepali
ng ndo Ndonga
nl nld dut Dutch Flemish
nn nno Nynorsk Norwegian_Nynorsk
no nor Norwegian
nr nbl South_Ndebele
nv nav Navajo
ny nya Chichewa
oc oci Occitan
oj oji Ojibwa
om orm Oromo
or ori Oriya Odia
os oss Ossetian
pa pan Punjabi Panjabi
pi pli Pali
pl pol Polish
ps pus Pashto
pt por Portuguese
qu que Quechua
rm roh Romansh
rn run Rundi
ro ron rum mol Romanian Moldavian
ru rus Russian
rw kin Kinyarwanda
sa san Sanskrit
sc srd Sardinian
sd snd Sindhi
se sme Northern_Sami
sg sag Sango
si sin Sinhala Sinhalese
sk slk slo Slovak
sl slv Slovenian Slovene
sm smo Samoan
sn sna Shona
so som Somali
sq sqi alb Albanian
sr srp scc Serbian
ss ssw Swati
st sot Sotho
su sun Sundanese
sv swe Swedish
sw swa Swahili
ta tam Tamil
te tel Telugu
tg tgk Tajik
th tha Thai
ti tir Tigrinya
tk tuk Turkmen
tl tgl Tagalog
tn tsn Tswana
to ton Tongan
tr tur Turkish
ts tso Tsonga
tt tat Tatar
tw twi Twi
ty tah Tahitian
ug uig Uighur Uyghur
uk ukr Ukrainian
ur urd Urdu
uz uzb Uzbek
ve ven Venda
vi vie Vietnamese
vo vol Volapuk
wa wln Walloon
wo wol Wolof
xh xho Xhosa
yi yid Yiddish
yo yor Yoruba
za zha Zhuang
zh zho chi Chinese
zu zul Zulu
- fil Filipino
- yue Cantonese
- cmn Mandarin
- gsw Swiss_German
- hsb Upper_Sorbian
- dsb Lower_Sorbian
- haw Hawaiian
- ckb Sorani
- kmr Kurmanji
- pob Brazilian Brazilian_Portuguese
- und Undetermined
- mul Multilingual
- zxx
- mis
"""

_OWN_TAGS = {"pob": "pt-BR", "pb": "pt-BR", "chs": "zh-Hans", "cht": "zh-Hant", "zht": "zh-Hant", "zhs": "zh-Hans"}


def _read_table() -> dict[str, str]:
    found = dict(_OWN_TAGS)
    for line in _TABLE.strip().splitlines():
        short, *words = line.split()
        code = _OWN_TAGS.get(words[0], words[0]) if short == "-" else short
        found[code.lower() if short != "-" else words[0]] = code
        found.update((word.lower().replace("_", " "), code) for word in words)
    return found


LANGUAGE_CODES = _read_table()
"""Shortest BCP 47 code for every code and English name (lower case)."""
