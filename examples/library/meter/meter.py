"""Turn meter readings into use and cost. See README.md."""

import argparse
import csv
import sys
from datetime import date
from itertools import pairwise

KWH_PER_CUBIC_METRE = 11.19

# first day, price of a kWh in pence, price of a day in pence
TARIFFS = {
    "power": [(date(2024, 9, 1), 22.9, 48.0), (date(2025, 10, 1), 24.6, 53.1)],
    "gas": [(date(2024, 9, 1), 5.8, 0.0), (date(2025, 10, 1), 6.4, 0.0)],
}

# warn when a day uses more than this many kWh
HIGH_USE = {"power": 9.0, "gas": 35.0}


def read(path, since):
    """Readings by meter, in the order of the file; a falling reading ends the program."""
    readings = {}
    with open(path, newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row:
                continue
            day, meter, value = date.fromisoformat(row[0]), row[1].strip(), float(row[2])
            series = readings.setdefault(meter, [])
            if series and value < series[-1][1]:
                sys.exit(f"line {number}: {meter} runs backwards")
            if day >= since:
                series.append((day, value))
    return readings


def tariff(meter, day):
    """The price of a kWh and of a day that held on this day."""
    valid = [line for line in TARIFFS[meter] if line[0] <= day]
    if not valid:
        sys.exit(f"no tariff for {meter} on {day}")
    return valid[-1][1:]


def cost(meter, series):
    """Kilowatt-hours used and pounds paid between the first and the last reading."""
    used = pence = 0.0
    for (start, low), (end, high) in pairwise(series):
        amount = high - low
        if meter == "gas":
            amount *= KWH_PER_CUBIC_METRE
        per_kwh, per_day = tariff(meter, start)
        used += amount
        pence += amount * per_kwh + (end - start).days * per_day
    return used, pence / 100


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--since", type=date.fromisoformat, default=date.min)
    options = parser.parse_args()
    for meter, series in read(options.file, options.since).items():
        if len(series) < 2:
            print(f"{meter}: not enough readings")
            continue
        days = (series[-1][0] - series[0][0]).days
        used, pounds = cost(meter, series)
        print(f"{meter}: {used:.0f} kWh in {days} days, {used / days:.1f} a day, {pounds:.2f} pounds")
        if used / days > HIGH_USE[meter]:
            print(f"{meter}: more than usual, look for a leak or a heater left on")


if __name__ == "__main__":
    main()
