"""What stands in an invented paper: names, sums, dates, codes?"""

from __future__ import annotations

import random
import re

from tools.starter.words import WORDS

FIRST, MONTHS = WORDS["first"], WORDS["months"]
SIGNS = ("£", "$", "€")


class Values:
    """Makes values of a kind; sums of one maker share their currency."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.sign = chance.choice(SIGNS)
        self.names = {
            "name": self.person(), "firm": self.firm(), "town": chance.choice(WORDS["town"]), "street": self.street(),
            "first": chance.choice(FIRST), "first2": chance.choice(FIRST), "digit": str(chance.randint(1, 9)),
        }  # fmt: skip

    def filled(self, text: str) -> str:
        """The text with its names filled in; each {first} of a list is another one."""
        if text.startswith("list ") and "{first}" in text:
            return "list " + "|".join(self.chance.sample(FIRST, 6))
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def value(self, kind: str) -> str:
        """A value; of a list, its parts joined."""
        name, _, rest = self.filled(kind).partition(" ")
        chance = self.chance
        if name == "money":
            low, high, step = map(int, rest.split())
            return f"{self.sign}{chance.randrange(low, high, step):,}"
        if name == "price":
            low, high = map(int, rest.split())
            return f"{self.sign}{chance.randint(low, high)}.{chance.choice(['00', '50', '99', '20', '45', '80', '95'])}"
        if name == "percent":
            low_rate, high_rate = map(float, rest.split())
            return f"{chance.uniform(low_rate, high_rate):.2f}{chance.choice(['%', ' per cent'])}"
        if name == "code":
            return re.sub(r"[A#a]", self._letter, rest)
        if name == "choice":
            return chance.choice(rest.split("|"))
        if name == "list":
            parts = chance.sample(rest.split("|"), chance.randint(2, 4))
            return f"{', '.join(parts[:-1])} and {parts[-1]}"
        return str(getattr(self, name)())

    def date(self) -> str:
        """A day of a year, written in one of several ways."""
        day, month, year = self.chance.randint(1, 28), self.chance.choice(MONTHS), self.chance.randint(2023, 2027)
        weekday = self.chance.choice(WORDS["days"])
        return self.chance.choice(
            [f"{day} {month} {year}", f"{day} {month} {year}", f"{month} {day}, {year}", f"{weekday} {day} {month}"]
        )

    def time(self) -> str:
        """A time of the day."""
        hour, minute = self.chance.randint(7, 20), self.chance.choice(["00", "15", "30", "45", "10"])
        return f"{hour}:{minute}" if self.chance.random() < 0.7 or hour > 11 else f"{hour}:{minute} a.m."

    def hours(self) -> str:
        """Opening hours."""
        return f"{self.chance.randint(6, 11)}:00 to {self.chance.randint(16, 22)}:{self.chance.choice(['00', '30'])}"

    def phone(self) -> str:
        """A number that reaches nobody."""
        return f"0555 01{self.chance.randint(0, 9)} {self.chance.randint(1000, 9999)}"

    def person(self) -> str:
        """A full name."""
        return f"{self.chance.choice(FIRST)} {self.chance.choice(WORDS['last'])}"

    def doctor(self) -> str:
        """A doctor's name."""
        return f"Dr {self.person() if self.chance.random() < 0.6 else self.chance.choice(WORDS['last'])}"

    def firm(self) -> str:
        """A firm's name."""
        return f"{self.chance.choice(WORDS['firm'])} {self.chance.choice(WORDS['trade'])}"

    def street(self) -> str:
        """A street with its number."""
        kind = self.chance.choice(["Street", "Lane", "Road"])
        return f"{self.chance.choice(WORDS['street'])} {kind} {self.chance.randint(1, 98)}"

    def hotel(self) -> str:
        """A hotel's name."""
        return f"the {self.chance.choice(['Hotel', 'Inn', 'Guesthouse'])} {self.chance.choice(WORDS['firm'])}"

    def place(self) -> str:
        """A place to meet."""
        return self.chance.choice(WORDS["place"])

    def _letter(self, found: re.Match[str]) -> str:
        kinds = {"#": "0123456789", "A": "ABCDEFGHKLMNPRSTUVWXYZ", "a": "abdeiklmnorstuvw"}
        return self.chance.choice(kinds[found.group()])
