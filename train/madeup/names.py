"""Generators of names and values. A pattern such as `[Blue|Grey] <surname>-<d2>` calls them between angle brackets."""

from __future__ import annotations

import random
import re

from .grammar import expand

# Given and family names by culture; first and last name always come from one row.
PEOPLE = [
    ("Ana Marta Ines Rui Tiago Duarte Joana Vasco Beatriz Nuno", "Carvalhal Teles Moutinho Serrano Pestana Falcão Quaresma Bragança"),
    ("Kofi Ama Yaw Efua Kwabena Abena Kojo Akosua Esi Kwame", "Asante-Boa Ofori Darko Quansah Adjei Tetteh Nkansah Badu"),
    ("Chidi Ngozi Emeka Ifeoma Obinna Adaeze Uche Nneka", "Okonjo Eze Nwosu Obiora Anyanwu Madueke Ikenna Onuoha"),
    ("Haruto Sakiko Ren Michiyo Takeru Ayaka Kenta Nozomi", "Inoguchi Morikawa Hasebe Tachibana Ozeki Kuramoto Shiraki Nagase"),
    ("Min-jae Seo-yeon Ji-ho Ha-eun Do-yun Su-bin", "Baek Noh Seong Moon Cheon Pyo Gil"),
    ("Wei Lihua Jianyu Xiulan Zhihao Meifen Guowei", "Tang Xue Shao Lian Ouyang Fei Geng"),
    ("Aarav Meera Rohan Kavya Ishaan Nandini Vikram Sunita", "Deshmukh Bhattacharya Pillai Rajagopal Chaturvedi Naik Sandhu Tharoor"),
    ("Yusuf Leyla Emre Zeynep Kerem Defne Murat Elif", "Akdeniz Toprak Yazgan Karaca Uslu Bozkurt Sayın"),
    ("Omar Layla Tariq Salma Idris Huda Bilal Noura", "al-Masri Haddad Benjelloun Saqqaf Rahal Ziyadi Mansouri"),
    ("Ingrid Lars Sigrun Odd Maren Torbjørn Astrid Halvard", "Lindqvist Nygaard Solheim Bråten Ekdahl Kvamme Storlien"),
    ("Aino Eero Veikko Sanni Tapio Kaisa", "Lehtonen Rautio Kallasvuo Hietala Myllymäki Peltoniemi"),
    ("Agnieszka Tomasz Bogdan Wanda Piotr Halina Jacek", "Wróbel Zawadzki Kulesza Sobczak Pietrzyk Gawron"),
    ("Olena Taras Bohdan Iryna Maksym Daryna", "Kovalchuk Hrytsenko Marchenko Shulha Petrenko Vovk"),
    ("Milica Dragan Vesna Goran Jelena Stevan", "Petković Radulović Ilić Vukašin Brankov Stanojev"),
    ("Giulia Matteo Chiara Lorenzo Silvio Paola", "Bellandi Ferrante Moroni Castagna Pellizzari Guidotti"),
    ("Camille Étienne Margaux Luc Solène Bastien", "Delacourt Vasseur Lemoine Garnier-Roy Thibault Chauvin"),
    ("Gudrun Anselm Heike Jürgen Lotte Wolfram", "Brandhuber Kesselring Ottensen Vogt Hünefeld Drexler"),
    ("Lucía Hernán Pilar Ignacio Rocío Esteban", "Quiroga Valdivieso Arredondo Maldonado Echeverri Zapata Ibarra"),
    ("Sean Niamh Callum Fiona Rhys Morag Declan Ailsa", "Maguire Pryce Kinross Tierney Lachlan Bevan Drummond Corrigan"),
    ("Edith Walter Harriet Clive Nora Percy Agnes Miles", "Thornbury Ackroyd Pell Whitlam Sowerby Garside Fenwick Oakshott"),
    ("Tevita Sione Mele Losa Sefa Ioane", "Tupou Fonoti Leota Vainikolo Taumalolo Faleafa"),
    ("Aroha Wiremu Hana Tane Mereana Rawiri", "Parata Ngata Waititi-Rei Te Whare Kahui Tamatea"),
    ("Nguyet Quang Linh Hoang Thuy Dung", "Tran-Le Dang Phung Vo Lai Truong"),
    ("Lwazi Thandeka Sipho Nomsa Bongani Zodwa", "Dlamini Khumalo Mthethwa Zungu Cele Radebe"),
    ("Dawit Selam Yonas Tigist Abel Hirut", "Tesfaye Gebre Wolde Alemu Mekonnen Bekele"),
    ("Eleni Nikos Despina Stavros Ioanna Petros", "Kalogirou Vlachakis Manousos Xenakou Roussos Drakos"),
    ("Lior Tamar Noam Yael Eitan Shira", "Ben-Ami Katzir Peled Shoham Gilboa Avrahami"),
    ("Nino Giorgi Ketevan Levan Tea Zurab", "Lomidze Kapanadze Tsereteli-Gogi Beridze Maisuradze"),
    ("Gulnara Arman Dinara Timur Aigerim Serik", "Abenov Sarsenbay Tulegen Omarova Zhaksylyk"),
    ("Nayra Inti Wayra Tupaq Killa Sami", "Condori Mamani Choque Huanca Quispe-Rojas"),
]

SYLLABLES = "ka ro mi ven tal sho bri dor len qua zi mar fel ost ura nim pel tor gra ith vel ona sar kel du bel ran lo thi wen ash cor ba rin sel vo mur tey ja lin hal or".split()
WORDS = "amber anvil atlas badger basalt beacon birch bramble brisket canary cedar cinder clover cobalt comet copper coral cricket dapple delta drift dune echo ember falcon fennel fern flint gannet garnet ginger glacier harbor hazel heron hollow indigo iris ivory jasper juniper kestrel lantern larch linden lotus magpie maple marble marmot meadow merlin mica moss nettle nickel nimbus ochre onyx orchard otter pebble pepper pine plover quartz quill raven reed rowan saffron sable sage salt sienna slate sparrow spruce starling sumac swallow tamarind tansy teal thistle timber topaz tulip umber velvet violet walnut willow wren yarrow zephyr".split()
JOBS = "ledger sync relay gate mailer router index cache queue batch audit token quota feed export import vault probe sched render notify search billing invoice session metrics backup archive ingest cursor shard replay digest geo stock price order cart refund upload thumb crawl score rank label spool parse format merge diff lock lease watch trace".split()
TOWN_A = "Brack Ald Hollow Stan Wex Fern Thorn Mar Kel Oster Lang Grim Harr Win Ash Dun Crow Pen Sker Tarn Bel Rav Hex Mill Cald Eg Lor Quen Sedge Whit Har Nor Svel Ull Brun Kirk Rook Vald Elm Tol".split()
TOWN_B = "ford wick ham mere bury dale stead by thorpe combe ley moor haven burgh gate cliffe den worth port bridge minster vik holm berg sund stow hythe".split()
FAR_TOWNS = "Tavarone Quillabamba-Vieja Oremsk Dzhalinka Pontavel Saint-Ombre Castelvero Morunga Ibetani Kasumori Wakanui-Ara Lompeng Tuyen-Cat Ras-Meloud Bir-Haffa Zelenbrod Kirovets-Maly Novi-Brezik Altamora Riosanta Villaseca-del-Cerro Nakotsu Hamajiri Ekwendi Umzinde Okpoha Tarkwaso Aberllan Llanfedw Inverbroch Ballyduncan Grönvalla Ytterfors Kuusjärvi Halmila Vestrup Osterlohe Bad-Kranich Sankt-Emmer Montrevault Belcourt-sur-Orne Perduzza Campolungo Kalithres Agia-Roumba Karaköprü Yenidere Shahrabad Chandipura Nagarkot-Tal Bhimgarh".split()
MONTHS = "January February March April May June July August September October November December".split()
GENUS = "Arctel Brevi Calo Dendro Eriph Fimbri Glauco Helio Isoph Lepto Myrio Nepho Ortho Phaeo Rhodo Stego Tricho Xantho".split()
GENUS_END = "nia cera phora thrix sia carpus mys ptera chloa dactylus stoma ria".split()
SPECIES = "montana obscura vernalis riparia minor tenax lutea squamosa borealis arvensis pallida trilineata hirsuta maritima fulgens australis velutina parvula nigrescens".split()
CHEM_A = "thal cor vex nor bel mer pyr ster lum quin oxa dia tetra hydro meth cyclo fluo zeo".split()
CHEM_B = "orin amid exol anide adone ylate azine osterol imine ulin oxane ethrin idone onyl".split()


def cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def person(r: random.Random) -> str:
    given, family = r.choice(PEOPLE)
    first, last = r.choice(given.split()), r.choice(family.replace("Te Whare", "Te~Whare").split()).replace("~", " ")
    roll = r.random()
    if roll < 0.07:
        return f"{first} {r.choice('ABCDEFGHJKLMNPRSTVW')}. {last}"
    if roll < 0.1:
        return f"{r.choice(['Dr', 'Prof.', 'Rev.', 'Capt.'])} {first} {last}"
    return f"{first} {last}"


def surname(r: random.Random) -> str:
    return r.choice(r.choice(PEOPLE)[1].split()[1:])


def given(r: random.Random) -> str:
    return r.choice(r.choice(PEOPLE)[0].split())


def invented(r: random.Random) -> str:
    """A name of two to four syllables that no language has."""
    return cap("".join(r.choice(SYLLABLES) for _ in range(r.choice([2, 2, 3, 3, 4]))))


def town(r: random.Random) -> str:
    roll = r.random()
    if roll < 0.5:
        name = r.choice(TOWN_A) + r.choice(TOWN_B)
        return f"{r.choice(['Upper', 'Little', 'Great', 'North', 'Old', 'East'])} {name}" if r.random() < 0.15 else name
    if roll < 0.8:
        return r.choice(FAR_TOWNS)
    return invented(r)


def street(r: random.Random) -> str:
    return f"{r.randint(1, 180)} {r.choice([cap(r.choice(WORDS)), surname(r), r.choice(TOWN_A) + r.choice(TOWN_B)])} {r.choice('Street Lane Road Row Quay Yard Close Terrace Parade Walk'.split())}"


def kebab(r: random.Random) -> str:
    a, b = r.choice(JOBS), r.choice(JOBS + WORDS)
    return r.choice(
        [
            f"{a}-{b}",
            f"{b}-{a}",
            f"{a}_{b}",
            f"{a}{cap(b)}",
            f"{r.choice(WORDS)}-{a}-{r.choice(['svc', 'api', 'worker', 'd', 'v2', 'proxy'])}",
            f"{a}d",
            f"{cap(a)}{cap(b)}",
        ]
    )


def snake(r: random.Random) -> str:
    verb = r.choice(
        "flush parse open close read write load merge build check reset drain fetch apply rotate encode decode split trim scan".split()
    )
    noun = r.choice(JOBS)
    return r.choice(
        [
            f"{verb}_{noun}",
            f"{verb}{cap(noun)}",
            f"{verb}_{noun}_{r.choice(['all', 'once', 'async', 'by_key', 'unsafe'])}",
            f"{cap(verb)}{cap(noun)}",
        ]
    )


def package(r: random.Random) -> str:
    w, j = r.choice(WORDS), r.choice(JOBS)
    return r.choice(
        [f"lib{w}", f"{w}-{j}", f"py{w}", f"{w}.js", f"{j}kit", f"{w}_{j}", f"@{w}/{j}", f"go-{w}", f"{w}rs", f"{cap(w)}{cap(j)}"]
    )


def path(r: random.Random) -> str:
    d, e = r.choice("etc conf srv opt var src lib tools".split()), r.choice("toml yaml ini json conf py go rs sh sql csv".split())
    return r.choice(
        [
            f"/{d}/{r.choice(WORDS)}/{r.choice(JOBS)}.{e}",
            f"{d}/{r.choice(JOBS)}_{r.choice(JOBS)}.{e}",
            f"{r.choice(JOBS)}/{r.choice(WORDS)}.{e}",
        ]
    )


def host(r: random.Random) -> str:
    return r.choice(
        [
            f"{r.choice(JOBS)}-{r.choice('ams fra osl nbo lim hkg yyz sfo'.split())}-{r.randint(1, 48):02d}",
            f"{r.choice(WORDS)}{r.randint(1, 40)}",
            f"{r.choice(WORDS)}.{r.choice('int corp lan dc2'.split())}",
            f"node-{r.choice('abcdef')}{r.randint(10, 99)}",
        ]
    )


def word(r: random.Random) -> str:
    return r.choice(WORDS)


def Word(r: random.Random) -> str:
    return cap(r.choice(WORDS))


def code(r: random.Random) -> str:
    """Two to four letters and a number, in the ways that part lists write them."""
    letters = "".join(r.choice("ABCDEFGHJKLMNPQRSTVWXZ") for _ in range(r.choice([1, 2, 2, 3])))
    n = r.randint(10, 9999)
    return r.choice(
        [
            f"{letters}-{n}",
            f"{letters}{n}",
            f"{letters}/{n}-{r.choice('ABCDX')}",
            f"{n}-{letters}",
            f"{letters}.{n}",
            f"{letters}-{n}-{r.randint(1, 9)}",
            f"{letters} {n}",
        ]
    )


def date(r: random.Random) -> str:
    return f"{r.randint(1, 28)} {r.choice(MONTHS)} {r.randint(1994, 2025)}"


def isodate(r: random.Random) -> str:
    return f"{r.randint(2009, 2025)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}"


def day(r: random.Random) -> str:
    return f"{r.randint(1, 28)} {r.choice(MONTHS)}"


def clock(r: random.Random) -> str:
    return f"{r.randint(6, 22):02d}:{r.choice([0, 5, 10, 15, 20, 30, 40, 45, 50]):02d}"


def species(r: random.Random) -> str:
    return f"{r.choice(GENUS)}{r.choice(GENUS_END)} {r.choice(SPECIES)}"


def chemical(r: random.Random) -> str:
    name = r.choice(CHEM_A) + r.choice(["", "", "o", "i"]) + r.choice(CHEM_B)
    return r.choice([name, name, f"{r.randint(2, 6)}-{name}", f"{name} {r.choice(['acetate', 'chloride', 'sulfate', 'B', 'hydrate'])}"])


def version(r: random.Random) -> str:
    return f"{r.randint(0, 14)}.{r.randint(0, 30)}.{r.randint(0, 12)}"


def integer(r: random.Random, low: str, high: str) -> str:
    return str(r.randint(int(low), int(high)))


def real(r: random.Random, low: str, high: str) -> str:
    return f"{r.uniform(float(low), float(high)):.1f}"


def money(r: random.Random, low: str, high: str) -> str:
    return f"{r.randint(int(low), int(high)) * 10:,}"


def digits(r: random.Random, n: int) -> str:
    return str(r.randint(10 ** (n - 1), 10**n - 1))


GENERATORS = (
    {
        f.__name__: f
        for f in (
            person,
            surname,
            given,
            invented,
            town,
            street,
            kebab,
            snake,
            package,
            path,
            host,
            word,
            Word,
            code,
            date,
            isodate,
            day,
            clock,
            species,
            chemical,
            version,
            money,
            real,
        )
    }
    | {"int": integer}
    | {f"d{n}": (lambda r, n=n: digits(r, n)) for n in range(1, 9)}
)

_CALL = re.compile(r"<(\w+)((?: [\w.]+)*)>")


def make(pattern: str, rng: random.Random) -> str:
    """A name or a value after `pattern`."""
    return _CALL.sub(lambda m: GENERATORS[m.group(1)](rng, *m.group(2).split()), expand(pattern, rng))


def order(value: str) -> float | None:
    """The number or the moment that `value` stands for, to compare with another of the same field; None for words."""
    if m := re.search(r"(\d{1,2}) (" + "|".join(MONTHS) + r")(?: (\d{4}))?", value):
        return int(m.group(3) or 0) * 400 + MONTHS.index(m.group(2)) * 32 + int(m.group(1))
    if m := re.search(r"(\d{4})-(\d{2})-(\d{2})", value):
        return int(m.group(1)) * 400 + int(m.group(2)) * 32 + int(m.group(3))
    if m := re.search(r"(\d{1,2}):(\d{2})", value):
        return int(m.group(1)) * 60 + int(m.group(2))
    if m := re.search(r"\d[\d,]*(?:\.\d+)?", value):
        return float(m.group().replace(",", ""))
    return None
