"""Table 7.2 of the thinking tiers as it stands in the project's facts, and what each of its cells says on the wire."""

COLUMNS = ("local V4 preview", "local V4 0731", "DeepSeek API", "gpt-5.5", "gpt-5.5-pro", "Kimi K2.6 / GLM-5.1",
           "Claude 4.7+", "Claude 4.6", "Gemini 3.1 Pro", "Gemini 3 Flash")

ROWS = """\
off, `none` | chat mode | chat mode | `thinking disabled`, no effort | `none` | 400 | `disabled` | omit thinking | omit | 400 | `minimal` deg
`minimal` | thinking deg | low deg | `low` deg | `low` deg | `medium` deg | `enabled` deg | `low` deg | `low` deg | `low` deg | `minimal`
`low` | thinking deg | thinking, no prefix | `low` | `low` | `medium` deg | `enabled` deg | `low` | `low` | `low` | `low`
`medium` | thinking deg | prefix H deg | `high` deg | `medium` | `medium` | `enabled` deg | `medium` | `medium` | `medium` | `medium`
`high` | thinking, no prefix | prefix H | `high` | `high` | `high` | `enabled` | `high` | `high` | `high` | `high`
`xhigh` | prefix H | prefix H deg | see note 1 | `xhigh` | `xhigh` | `enabled` deg | `xhigh` | `high` deg | `high` deg | `high` deg
`max` | prefix H | prefix M | `max` | `xhigh` deg | `xhigh` deg | `enabled` deg | `max` | `max` | `high` deg | `high` deg
on, no tier | as `high` | configured default, note 2 | `thinking enabled` | `medium` | `medium` | `enabled` | adaptive | adaptive | omit | omit
absent | as `high` | note 2 | omit both | omit | omit | omit | omit | omit | omit | omit
budget N | note 3 | note 3 | 400 or deg, note 4 | tier, note 4 | tier, note 4 | `enabled` deg | tier, note 4 | `budget_tokens` N | tier, note 4 | tier, note 4
"""
TABLE = {row: dict(zip(COLUMNS, cells, strict=True))
         for row, *cells in (line.split(" | ") for line in ROWS.splitlines())}
WORDS = ("minimal", "low", "medium", "high", "xhigh", "max")

# Asked in the Responses API, where the word stands inside an object.
RESPONSES = ("gpt-5.5-pro", "gpt-5.3-codex")

# column: its upstreams, (kind, model)
ENDPOINTS = {
    "DeepSeek API": [("deepseek", "deepseek-v4-flash"), ("deepseek", "deepseek-v4-pro"), ("deepseek", "deepseek-flash")],
    "gpt-5.5": [("openai", "gpt-5.5")],
    "gpt-5.5-pro": [("openai", "gpt-5.5-pro")],
    "Kimi K2.6 / GLM-5.1": [("openai_compatible", "kimi-k2.6"), ("openai_compatible", "glm-5.1")],
    "Claude 4.7+": [("anthropic", "claude-opus-4-7")],
    "Claude 4.6": [("anthropic", "claude-sonnet-4-6"), ("anthropic", "claude-opus-4-6")],
    "Gemini 3.1 Pro": [("openai_compatible", "gemini-3.1-pro-preview")],
    "Gemini 3 Flash": [("openai_compatible", "gemini-3-flash-preview")],
}
ENGINES = {"local V4 preview": "preview", "local V4 0731": "0731"}

# Notes 1 to 4. The hosted API means high by xhigh today, and by nothing said.
NOTES = {"see note 1": "`high` deg", "note 2": "as `high`", "configured default, note 2": "as `high`",
         "400 or deg, note 4": "tier, note 4"}
BUDGETS = {1: "low", 1024: "low", 1025: "medium", 4096: "medium", 4097: "high", 16384: "high", 16385: "xhigh"}

# What is reported where a column sends nothing: the model's default.
SILENT = {"DeepSeek API": "high", "gpt-5.5": "medium", "gpt-5.5-pro": "medium", "Kimi K2.6 / GLM-5.1": "high",
          "Claude 4.7+": "none", "Claude 4.6": "none", "Gemini 3.1 Pro": "high", "Gemini 3 Flash": "high"}


def spelled(column, text):
    """A cell of an upstream without its "deg": the members that are sent, and the tier that is reported."""
    word = text.strip("`")
    if text.startswith("omit"):
        return {}, SILENT[column]
    if column == "DeepSeek API":
        return {"`thinking disabled`, no effort": ({"thinking": {"type": "disabled"}}, "none"),
                "`thinking enabled`": ({"thinking": {"type": "enabled"}}, "high")}.get(
                    text, ({"thinking": {"type": "enabled"}, "reasoning_effort": word}, word))
    if column.startswith("Kimi"):
        return {"thinking": {"type": word}}, {"enabled": "high", "disabled": "none"}[word]
    if column.startswith("Claude"):
        adaptive = {"type": "adaptive", "display": "summarized"}  # else 4.7 and later keep the text to themselves
        if word == "adaptive":
            return {"thinking": adaptive}, "high"
        return {"thinking": adaptive, "output_config": {"effort": word}}, word
    return {"reasoning_effort": word}, word


def expected(column, row, asked):
    """The members that reach an upstream and the header x-weir-reasoning; None: 400. `asked`: as the header repeats it."""
    text = TABLE[row][column]
    text = NOTES.get(text, text)
    if text == "400":
        return None
    if text == "`budget_tokens` N":
        n = max(asked, 1024)
        told = "" if n == asked else f"; requested={asked}; reason=budget"
        return {"thinking": {"type": "enabled", "budget_tokens": n}}, f"high; budget={n}{told}"
    if row == "budget N":
        cell = TABLE[f"`{BUDGETS[asked]}`"][column] if text == "tier, note 4" else text
        cell = NOTES.get(cell, cell)
        members, tier = spelled(column, cell.removesuffix(" deg"))
        return members, f"{tier}; requested={asked}; reason=budget"
    members, tier = spelled(column, text.removesuffix(" deg"))
    return members, tier + (f"; requested={asked}; reason=unsupported" if text.endswith(" deg") else "")


# Where a prompt begins and ends, by what a cell of a local column says; and the tier that is reported.
def expected_at_engine(column, row, asked):
    text = TABLE[row][column]
    text = NOTES.get(text, text)
    if text == "as `high`":
        text = TABLE["`high`"][column]
    is_degraded = text.endswith(" deg")
    text = text.removesuffix(" deg")
    if column == "local V4 0731":
        tier = {"chat mode": "none", "low": "low", "thinking, no prefix": "low", "prefix H": "high", "prefix M": "max"}[text]
        prefix = {"prefix H": "H", "prefix M": "M"}.get(text, "")
    else:
        tier = {"chat mode": "none", "thinking": "high", "thinking, no prefix": "high", "prefix H": asked}[text]
        prefix = "H" if text == "prefix H" else ""
    return (text != "chat mode", prefix), tier + (f"; requested={asked}; reason=unsupported" if is_degraded else "")


def rows():
    """(row, how the header repeats it, the inputs of 7.1 that ask for it)"""
    def efforts(word):
        return [{"reasoning_effort": word}, {"reasoning": {"effort": word}}, {"output_config": {"effort": word}},
                {"chat_template_kwargs": {"reasoning_effort": word}}]

    def switches(on):
        return [{"thinking": {"type": "enabled" if on else "disabled"}}, {"enable_thinking": on}, {"think": on},
                {"reasoning": {"enabled": on}}, {"chat_template_kwargs": {"enable_thinking": on}},
                {"chat_template_kwargs": {"thinking": on}}]

    def budgets(n):
        return [{"thinking_budget": n}, {"reasoning": {"max_tokens": n}},
                {"thinking": {"type": "enabled", "budget_tokens": n}}]

    off = efforts("none") + switches(False) + [{"thinking_budget": 0}, {"reasoning": {"max_tokens": 0}},
                                               {"reasoning_effort": "none", "enable_thinking": False}]
    yield "off, `none`", "none", off
    for word in WORDS:
        also = [{"reasoning_effort": "ultra"}] if word == "max" else []
        yield f"`{word}`", word, [*efforts(word), *also, {"thinking": {"type": "adaptive"}, "output_config": {"effort": word}},
                                  {"reasoning_effort": word, "think": True, "reasoning": {"effort": word}}]
    yield "on, no tier", "on", [*switches(True), {"thinking": {"type": "adaptive"}}]
    yield "absent", "default", [{}, {"reasoning_effort": None, "thinking": None, "think": None, "reasoning": {"effort": None}}]
    for n in BUDGETS:
        yield "budget N", n, budgets(n)


# Models without a column. Words become the nearest lower tier that the model lists, else its lowest.
OTHERS = {
    ("openai", "gpt-5.4"): {
        "none": ({"reasoning_effort": "none"}, "none"), "minimal": ({"reasoning_effort": "low"}, "low"),
        "low": ({"reasoning_effort": "low"}, "low"), "medium": ({"reasoning_effort": "medium"}, "medium"),
        "high": ({"reasoning_effort": "high"}, "high"), "xhigh": ({"reasoning_effort": "xhigh"}, "xhigh"),
        "max": ({"reasoning_effort": "xhigh"}, "xhigh"), "on": ({"reasoning_effort": "medium"}, "medium"),
        "default": ({}, "none"), 4096: ({"reasoning_effort": "medium"}, "medium")},
    ("openai", "gpt-5.3-codex"): {
        "none": None, "minimal": ({"reasoning_effort": "low"}, "low"), "low": ({"reasoning_effort": "low"}, "low"),
        "medium": ({"reasoning_effort": "medium"}, "medium"), "high": ({"reasoning_effort": "high"}, "high"),
        "xhigh": ({"reasoning_effort": "xhigh"}, "xhigh"), "max": ({"reasoning_effort": "xhigh"}, "xhigh"),
        "on": ({"reasoning_effort": "medium"}, "medium"), "default": ({}, "medium"),
        100_000: ({"reasoning_effort": "xhigh"}, "xhigh")},
    ("anthropic", "claude-haiku-4-5"): {
        "none": ({}, "none"), "minimal": ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low; budget=1024"),
        "low": ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low; budget=1024"),
        "medium": ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "medium; budget=4096"),
        "high": ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, "high; budget=16384"),
        "xhigh": ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, "high; budget=16384"),
        "max": ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, "high; budget=16384"),
        "on": ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, "high; budget=16384"),
        "default": ({}, "none")},
    ("openai_compatible", "glm-5.3"): {
        "none": None, "medium": ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, "low"),
        "max": ({"thinking": {"type": "enabled"}, "reasoning_effort": "max"}, "max"),
        "on": ({"thinking": {"type": "enabled"}}, "max"), "default": ({}, "max")},
}
