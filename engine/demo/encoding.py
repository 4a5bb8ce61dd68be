"""A dialogue as the model's text: the official chat encoding (0731) of what the demo model is trained on."""
import json
from dataclasses import dataclass, field

BOS, EOS, USER, ASSISTANT = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"
THINK, END_THINK, DSML = "<think>", "</think>", "｜DSML｜"

HIGH = """Reasoning Effort: Absolute maximum with no shortcuts permitted.
You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root cause, rigorously stress-testing your logic against all potential paths, edge cases, and adversarial scenarios.
Explicitly write out your entire deliberation process, documenting every intermediate step, considered alternative, and rejected hypothesis to ensure absolutely no assumption is left unchecked.

"""
TOOLS_HEAD = f"""## Tools

You have access to a set of tools to help answer the user's question. You can invoke tools by writing a "<{DSML}tool_calls>" block like the following:

<{DSML}tool_calls>
<{DSML}invoke name="$TOOL_NAME">
<{DSML}parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</{DSML}parameter>
...
</{DSML}invoke>
<{DSML}invoke name="$TOOL_NAME2">
...
</{DSML}invoke>
</{DSML}tool_calls>

String parameters should be specified as is and set `string="true"`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format and set `string="false"`.

If thinking_mode is enabled (triggered by {THINK}), you MUST output your complete reasoning inside {THINK}...{END_THINK} BEFORE any tool calls or final response.

Otherwise, output directly after {END_THINK} with tool calls or final response.

### Available Tool Schemas

"""
TOOLS_TAIL = "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.\n"
FORMAT_HEAD = "## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n"


@dataclass
class Turn:
    user: str
    content: str = ""
    reasoning: str = ""
    calls: list = field(default_factory=list)  # (name, {argument: value})
    result: bool = False  # `user` is a tool's result
    is_told: bool = False  # the answer stands in the prompt, and is nothing to learn from


@dataclass
class Dialogue:
    effort: str  # none, low, high
    turns: list
    system: str = ""
    tools: list = field(default_factory=list)  # as in a request's `function`
    response_format: dict | None = None
    is_taught: bool = False  # the last answer is one of the text's: how it begins says what was understood
    is_brief: bool = False  # the tools without the words around them: not what a server sends, but half as long to learn from

    def texts(self):
        """What was written for training, a piece each: everything but the encoding's own words."""
        yield self.system
        for turn in self.turns:
            yield from (turn.user, turn.reasoning, turn.content)
            yield from (str(value) for _, arguments in turn.calls for value in arguments.values())


def calls_block(calls):
    if not calls:
        return ""
    written = []
    for name, arguments in calls:
        parameters = [
            f'<{DSML}parameter name="{key}" string="{"true" if isinstance(value, str) else "false"}">'
            f"{value if isinstance(value, str) else json.dumps(value)}</{DSML}parameter>" for key, value in arguments.items()]
        written.append(f'<{DSML}invoke name="{name}">\n' + "\n".join(parameters) + f"\n</{DSML}invoke>")
    return f"\n\n<{DSML}tool_calls>\n" + "\n".join(written) + f"\n</{DSML}tool_calls>"


def segments(dialogue):
    """[(text, whether the model writes it)], from BOS to the last EOS."""
    thinks = dialogue.effort != "none"
    keeps = bool(dialogue.tools)  # old reasoning stays in the prompt when there are tools
    head = BOS + (HIGH if dialogue.effort == "high" else "") + dialogue.system
    if dialogue.tools:
        around = ("", "\n\n") if dialogue.is_brief else (TOOLS_HEAD, TOOLS_TAIL)
        head += "\n\n" + around[0] + "\n".join(json.dumps(t, ensure_ascii=False) for t in dialogue.tools) + around[1]
    if dialogue.response_format:
        head += "\n\n" + FORMAT_HEAD + json.dumps(dialogue.response_format, ensure_ascii=False)
    out, last = [], len(dialogue.turns) - 1
    for i, turn in enumerate(dialogue.turns):
        user = f"<tool_result>{turn.user}</tool_result>" if turn.result else turn.user
        thought = thinks and (keeps or i == last)
        out.append((head + USER + user + ASSISTANT + (THINK if thought else END_THINK), False))
        reasoning = turn.reasoning + END_THINK if thought else ""
        out.append((reasoning + turn.content + calls_block(turn.calls) + EOS, not turn.is_told))
        head = ""
    return out
