"""What a charge must be, in Python's decimal, and random prices and usages to hold the program to it.

cost_model.py --driver PROGRAM [--n N] [--seed S]: N combinations through cost_driver.cpp, from the YAML to the
nano-dollar. WEIR_SEED chooses another sample.
"""
import argparse
import datetime
import os
import random
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from zoneinfo import ZoneInfo

getcontext().prec = 80
CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning")
STAND_IN = {"cache_read": "input", "cache_write": "input", "reasoning": "output"}
TIERS = ("standard", "flex", "priority", "scale", "batch")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ZONES = ("UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe")
USAGES_PER_PRICE = 200
NANO = Decimal(10) ** 9
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


# The model: a charge from what is written, one instant, one tier and the tokens.

def whole(numbers):
    return {name: Decimal(numbers.get(name, numbers.get(STAND_IN.get(name)))) for name in CLASSES}


def change(rates, how, key):
    if how is None:
        return rates
    if key in how:
        return whole(how[key])
    factors = whole(how["factors"])
    return {name: rates[name] * factors[name] for name in CLASSES}


def version_of(price, ms):
    versions = list(price["versions"].values()) if "versions" in price else [price]
    begun = [v for v in versions if v["effective_from"] <= ms]
    version = max(begun, key=lambda v: v["effective_from"], default=None)
    return None if version is None or version.get("effective_until", ms + 1) <= ms else version


def window_of(version, ms):
    local = (EPOCH + datetime.timedelta(milliseconds=ms)).astimezone(ZoneInfo(version.get("time_zone", "UTC")))
    clock = f"{local.hour:02}:{local.minute:02}"
    for window in version.get("windows", {}).values():
        opens = any(span[:5] <= clock < span[6:] for span in window["hours"])
        on_day = DAYS[local.weekday()] in window.get("days", DAYS)
        if opens and on_day and str(local.date()) not in window.get("excluded_dates", ()):
            return window
    return None


def charge(price, ms, tier, tokens):
    """Exact shares in USD of the five classes, or None where there is no price."""
    version = version_of(price, ms)
    if version is None or (tier != "standard" and tier not in version.get("tiers", {})):
        return None
    key = "per_million" if "per_million" in version else "usd_per_million"
    rule = version.get("long_context")
    terms = version.get("tiers", {}).get(tier)
    rates = change(change(whole(version[key]), window_of(version, ms), key), terms, key)
    dear, split = rates, {name: (tokens[name], 0) for name in CLASSES}
    if rule:
        dear = change(rates, rule, key)
        if key in rule and terms:
            dear = change(dear, terms, key)
        measured = tokens["input"] + tokens["cache_write"]
        measured += tokens["cache_read"] if rule.get("counts_cached", True) else 0
        if rule.get("measured_on") == "input_and_output":
            measured += tokens["output"] + tokens["reasoning"]
        beyond = measured - rule["above_tokens"] + (1 if rule.get("inclusive") else 0)
        if beyond > 0 and rule.get("applies_to", "whole_request") == "whole_request":
            split = {name: (0, tokens[name]) for name in CLASSES}
        elif beyond > 0:
            ends = ["input", "cache_write"] + (["cache_read"] if rule.get("counts_cached", True) else [])
            for name in ends:
                moved = min(beyond, tokens[name])
                split[name] = (tokens[name] - moved, moved)
                beyond -= moved
    scale = Decimal(version.get("usd_per_unit", "1")) * (1 + Decimal(version.get("markup_ppm", 0)) / 10**6) / 10**6
    return [(split[name][0] * rates[name] + split[name][1] * dear[name]) * scale for name in CLASSES]


def rounded(usd):
    return int((usd * NANO).quantize(Decimal(1), ROUND_HALF_EVEN))


# Random prices as weir.yaml has them, and usages.

def figure(random, most=1000):
    digits = random.choice((0, 1, 2, 3, 6))
    top = random.choice((1, 10, most))
    return f"{Decimal(random.randint(0, top * 10**digits)) / 10**digits:f}"


def figures(random, most):
    names = ["input", "output"] + [name for name in STAND_IN if random.random() < 0.5]
    return {name: figure(random, most) for name in names}


def factors(random):
    names = ["input", "output"] + [name for name in STAND_IN if random.random() < 0.3]
    return {"factors": {name: random.choice(("0.5", "0.1", "1", "1.5", "2", "2.25", "10")) for name in names}}


def windows(random, key, most):
    spans = sorted(random.sample(range(24 * 60 + 1), 6))
    text = [f"{m // 60:02}:{m % 60:02}" for m in spans]
    made = {}
    for name, hours in (("first", [f"{text[0]}-{text[1]}", f"{text[4]}-{text[5]}"]), ("second", [f"{text[2]}-{text[3]}"])):
        window = {"hours": hours, **(factors(random) if random.random() < 0.5 else {key: figures(random, most)})}
        if random.random() < 0.5:
            window["days"] = random.sample(DAYS, random.randint(1, 7))
        dates = [datetime.date(2026, 10, 1) + datetime.timedelta(days=random.randint(0, 60)) for _ in range(5)]
        window["excluded_dates"] = sorted({str(d) for d in dates if DAYS[d.weekday()] in window.get("days", DAYS)})
        made[name] = window
    return made


def version(random, begin):
    foreign = random.random() < 0.3
    key, most = ("per_million", 900) if foreign else ("usd_per_million", 1000)
    made = {"effective_from": begin, key: figures(random, most)}
    if foreign:
        made |= {"currency": "CNY", "usd_per_unit": f"{Decimal(random.randint(1, 10**9)) / 10**9:f}"}
    if random.random() < 0.5:
        made["markup_ppm"] = random.choice((150_000, -1, random.randint(-999_999, 10_000_000)))
    if random.random() < 0.5:
        made |= {"time_zone": random.choice(ZONES), "windows": windows(random, key, most)}
    if random.random() < 0.6:
        excess = random.random() < 0.4
        rule = {"above_tokens": random.choice((1_000, 128_000, 200_000, 272_000)),
                "inclusive": random.random() < 0.5, "counts_cached": random.random() < 0.5}
        rule |= {"factors": factors(random)["factors"]}
        if "windows" not in made and random.random() < 0.3 and not excess:
            del rule["factors"]
            rule[key] = figures(random, most)
        if excess:
            rule |= {"applies_to": "excess", "factors": {"input": "2", "output": "1"}}
        elif random.random() < 0.3:
            rule["measured_on"] = "input_and_output"
        made["long_context"] = rule
    own = "windows" not in made and key not in made.get("long_context", {})
    made["tiers"] = {tier: {key: figures(random, most)} if own and random.random() < 0.3 else factors(random)
                     for tier in TIERS[1:] if random.random() < 0.5}
    if not made["tiers"]:
        del made["tiers"]
    return made


def price(random):
    begin = int(datetime.datetime(2026, 9, 1, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    if random.random() < 0.5:
        return version(random, begin)
    versions = [version(random, begin + random.randint(0, 40) * 86_400_000 + i) for i in range(3)]
    begins = sorted(v["effective_from"] for v in versions)
    for made in versions:
        later = [b for b in begins if b > made["effective_from"]]
        if random.random() < 0.3:
            made["effective_until"] = made["effective_from"] + random.randint(1, 10**9)
            if later:
                made["effective_until"] = min(made["effective_until"], later[0])
    return {"versions": {f"v{i}": made for i, made in enumerate(versions)}}


def usage(random, price):
    ms = 1_788_220_800_000 + random.randint(0, 90 * 86_400_000)
    if random.random() < 0.3:
        ms -= ms % 60_000  # where windows have their edges
    top = random.choice((10, 1_000, 100_000, 10**6, 10**7))
    tokens = {name: random.randint(0, top) for name in CLASSES}
    rules = [v["long_context"] for v in price.get("versions", {"": price}).values() if "long_context" in v]
    if rules and random.random() < 0.4:  # about the threshold
        total = random.choice(rules)["above_tokens"] + random.randint(-1, 1)
        tokens |= {"cache_read": random.choice((0, total // 3)), "cache_write": random.choice((0, total // 5))}
        tokens["input"] = total - tokens["cache_read"] - tokens["cache_write"]
    return ms, random.choice(TIERS[:1] * 3 + TIERS), tokens


def yaml(value, key=""):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {yaml(item, name)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' if "-" in item else item for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if key.startswith("effective_"):
        return (EPOCH + datetime.timedelta(milliseconds=value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'"{value}"' if isinstance(value, str) and value[0].isdigit() else str(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("WEIR_SEED", "20261128")))
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    n_done = n_unpriced = n_refused = 0
    with subprocess.Popen([arguments.driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 20) as driver:
        def ask(lines):
            driver.stdin.write("".join(line + "\n" for line in lines))
            driver.stdin.flush()
            return [driver.stdout.readline().strip() for _ in lines]

        while n_done < arguments.n:
            book = price(rng)
            said = ask(["price " + yaml(book)])[0]
            if said != "ok":
                if "has more than six decimals" not in said and "above every price" not in said:
                    sys.exit(f"cost_model: seed {arguments.seed}: {said}: {yaml(book)}")
                n_refused += 1  # a factor that leaves a rest
                continue
            usages = [usage(rng, book) for _ in range(USAGES_PER_PRICE)]
            lines = [f"{ms} {tier} {' '.join(str(tokens[name]) for name in CLASSES)}" for ms, tier, tokens in usages]
            for line, (ms, tier, tokens), answer in zip(lines, usages, ask(lines)):
                shares = charge(book, ms, tier, tokens)
                numbers = [int(word) for word in answer.split()] if answer != "unpriced" else None
                if shares is None:
                    right = numbers is None
                    n_unpriced += 1
                else:
                    n_done += 1
                    total = rounded(sum(shares))
                    right = (numbers is not None and numbers[0] == total and sum(numbers[1:6]) == total
                             and all(abs(part - share * NANO) <= 1 for part, share in zip(numbers[1:6], shares))
                             and numbers[6] >= total)
                if not right:
                    sys.exit(f"cost_model: seed {arguments.seed}: {line}: got {answer}, "
                             f"expected {shares and rounded(sum(shares))} of {yaml(book)}")
        driver.stdin.close()
    print(f"{n_done} combinations equal to the nano-dollar, {n_unpriced} more unpriced in both; "
          f"{n_refused} prices with a factor that leaves a rest were refused; seed {arguments.seed}")


if __name__ == "__main__":
    main()
