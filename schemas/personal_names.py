"""Common given and family names, to tell names of persons from other capitalised words; short lists, on purpose.

Names that are everyday words or places (Grace, Paris, Young, Black) are left out: a list that is too wide refuses
tables of things. Half of a real column of names is found, which is many times more than a column of other text gives.
"""

from collections.abc import Sequence
from typing import Final

_GIVEN = """
aaron adam adrian agnieszka ahmed aisha alan albert alejandro alessandro alex alexander alexandra alice alina amanda
amy ana anders andrea andreas andrew andrzej angela anil anita ann anna anne annette anthony antoine antonio arjun
arthur astrid barbara ben benjamin bernard beth brandon brian bruno camille carla carlos carol caroline catherine
charles charlotte chen chloe chris christian christina christine christopher claire claudia cynthia daniel daniela
david deborah deepak dennis diana diego dmitri donald donna dorothy edward elena elisabeth elizabeth ella emily emma
eric erik eva fatima felix fernando florian francesca francesco francisco frank gary george gerald giovanni giulia
gregory greta hannah hans harry hassan heather heidi helen helena henry hiroshi hugo ian ibrahim ines ingrid isabel
ivan jack jacob jacqueline james jan jane janet jason javier jean jeffrey jennifer jerry jessica jing joan joao
johan johannes john jonas jonathan jorge jose joseph joshua juan julia julian julie justin karen karin karl
katarzyna kate katherine kathleen keith kelly kenneth kevin klaus krzysztof kumar larry lars laura lauren leila lena
leon li linda lisa louis louise luca lucas lucia luis lukas maja marc marco marcus margaret maria marie mario martin
martina mary matthew maximilian mei melissa michael michelle miguel mohamed mohammed monica monika nancy natalia
natalie nathan nicholas nicolas nicole nina noah olga oliver olivia omar oscar pablo pamela patricia patrick paul
paula pavel pedro peter philip philippe pierre piotr priya rachel rafael rahul raj ralph ramesh raymond rebecca
ricardo richard robert roberto roger ronald rosa roy ruth ryan samantha samuel sandra sanjay sara sarah scott sean
sergei sergio sharon silvia simon sofia sophia sophie stefan stefano stephanie stephen steven sunita suresh susan
susanne sven tanja tatiana teresa theresa thomas timothy tobias tomasz ulrike ursula valentina vera veronica victor
victoria vijay vincent virginia vladimir walter wei wendy william wolfgang xavier yan yuki yusuf zoe
"""
GIVEN: Final = frozenset(_GIVEN.split())
_FAMILY = """
adams ahmed allen almeida alvarez andersen anderson andersson bauer becker bell bernard bianchi brown bryant butler
campbell carter castillo chen clark coleman collins cooper costa davies davis diaz dubois edwards evans fernandez
ferrari ferreira fischer flores foster garcia gomez gonzalez gupta gutierrez hall hansen harris hernandez hoffmann
howard huang hughes ivanov jackson jansen janssen jenkins jensen johansson johnson jones kaminski kelly khan kim
klein koch kowalski kumar larsen lee lefebvre leroy lewandowski lewis lopez martin martinez meyer miller mitchell
moore morales moreau morgan morris mueller muller murphy murray müller nakamura nelson neumann nguyen nielsen
nilsson novak nowak oliveira olsen ortiz patel perez perry petersen peterson petrov phillips powell ramirez ramos
reddy reed reyes reynolds ricci richards richardson richter rivera roberts robinson rodriguez rogers romano rossi
russo sanchez sanders santos schmidt schmitz schneider schroeder schröder schulz schwarz sharma silva simmons singh
smith sokolov sousa stewart sullivan suzuki tanaka taylor thomas thompson torres tran turner visser wagner walker
wang watson weber williams wilson wisniewski wojcik wolf wright yamamoto yang zhang zhao zimmermann
"""
FAMILY: Final = frozenset(_FAMILY.split())
MOST_WORDS: Final = 3


def is_known_name(text: str) -> bool:
    """A known given name first and a known family name last."""
    words = text.lower().replace(".", "").split(" ")
    return 2 <= len(words) <= MOST_WORDS and words[0] in GIVEN and words[-1] in FAMILY


def known_share(values: Sequence[str]) -> float:
    """The share of different texts that are a known given or family name alone, or begin or end a name of two or three
    words with one.
    """
    return sum(map(_may_be_name, values)) / len(values) if values else 0.0


def _may_be_name(text: str) -> bool:
    words = text.strip()[:100].replace(",", "").split(" ")
    capital = all(word[:1].isupper() for word in words)
    lower = [word.lower() for word in words]
    return capital and len(words) <= MOST_WORDS and (lower[0] in GIVEN or lower[-1] in FAMILY)
