"""Table 7.2 of the thinking tiers, cell by cell: what reaches the upstream or the encoder, and what the client is told."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import thinking_table as table
import weir as support
from mock import Mock
from weir import PATIENCE, PROGRAM, ROOT, Weir, make_random_model

FACTS = Path(os.environ.get("WEIR_FACTS", ROOT.parent / "shared" / "reference"))
CONTROLS = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "think", "thinking_budget", "output_config",
            "chat_template_kwargs")
PREFIXES = {"": "", "H": "Reasoning Effort: Absolute maximum", "M": "Reasoning Effort: Beyond maximum"}
KINDS = ("openai", "deepseek", "anthropic", "openai_compatible")


def name_of(text):
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


class Cells(unittest.TestCase):
    """One program with an endpoint for each column; the tests are generated below."""

    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        models = [pair for pairs in table.ENDPOINTS.values() for pair in pairs] + list(table.OTHERS)
        endpoints = "".join(f"  {model}: {{upstream: at-{kind}, model: {model}, n_ctx: 1000000, output_tokens_max: 200000, "
                            f"output_tokens_default: 1000, price: house}}\n" for kind, model in models)
        routes = "".join(f"  {model}: {{plan: [{model}]}}\n" for _, model in models)
        # A model name may stand for a tier; it is asked for where the body says nothing.
        routes += "".join(f"  {model}-{name_of(word)}: {{plan: [{model}], thinking: {json.dumps(word)}}}\n"
                          for _, model in models for word in ("none", *table.WORDS, "on"))
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="weir-model-")))
        cls.model = cls.roomy_model(folder)
        endpoints += "  local-v4-preview: {engine: preview, price: house}\n"
        routes += "  local-v4-preview: {plan: [local-v4-preview]}\n  local-v4-0731: {plan: [local-v4]}\n"
        cls.weir = cls.enterClassContext(Weir(endpoints=endpoints, routes=routes, model=cls.model))
        engine = f'{{model: "{cls.model}", n_ctx: 393216, n_sequences_max: 1, kv: bf16, prefix_cache_bytes_max: 1MiB, encoding: '
        text = re.sub(r"engines:\n.*\n", f'engines:\n  v4: {engine}"0731"}}\n  preview: {engine}preview}}\n'
                      + "upstreams:\n" + "".join(f'  at-{kind}: {{kind: {kind}, base_url: "{cls.mock.base_url}", api_key: k}}\n'
                                                 for kind in KINDS), cls.weir.config.read_text(), count=1)
        cls.weir.write_config(text)
        # A route whose own tier is an error at all its endpoints is refused with its file.
        told = cls.weir.run("check", check=False).stderr.splitlines()
        refused = [re.search(r" routes\.(\S+)\.thinking: no endpoint of the plan takes ", line) for line in told]
        assert all(refused), told
        cls.refused_routes = {match[1] for match in refused}
        cls.weir.write_config("".join(line for line in text.splitlines(True)
                                      if line.split(":")[0].strip() not in cls.refused_routes))
        cls.key = cls.weir.account(credit="1000000.00")
        cls.weir.start()
        cls.prompts = {}

    @staticmethod
    def roomy_model(folder):
        """The random model with a context that has room for the strongest prefix."""
        make_random_model()
        shutil.copytree(support.MODEL, folder / "model")
        config = folder / "model" / "config.json"
        shape = json.loads(config.read_text())
        shape["max_position_embeddings"] = 393216
        config.write_text(json.dumps(shape))
        return folder / "model"

    def ask(self, model, members, stream, **also):
        answer = self.weir.chat(self.key, model, stream, **{"max_tokens": 1, **also, **members},
                                **({"stream_options": {"include_usage": True}} if stream else {}))
        self.assertTrue(answer.complete, answer)
        return answer

    def told(self, answer, stream, header):
        """The header, and the usage where it was not as asked for."""
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.field("x-weir-reasoning"), header)
        usage = answer.chunks()[-1]["usage"] if stream else answer.json()["usage"]
        self.assertEqual(usage.get("weir_reasoning"), header if "; re" in header else None)
        return usage

    def refused(self, answer, code="unsupported_value"):
        self.assertEqual((answer.status, answer.error()["type"], answer.error()["code"]),
                         (400, "invalid_request_error", code), answer)
        self.assertTrue(answer.error()["param"], answer)

    def at_upstream(self, model, forms, want, limit=None):
        """Every form, streamed and not: what reached the mock and what was told."""
        n_before = len(self.mock.log())
        cases = [(form, stream) for form in forms for stream in (False, True)]
        also = {"max_tokens": limit} if limit else {}
        answers = [self.ask(model, form, stream, **also) for form, stream in cases]
        reached = [json.loads(entry["body"]) for entry in self.mock.log()[n_before:]]
        if want is None:
            for answer in answers:
                self.refused(answer)
            self.assertEqual(reached, [], "an upstream was asked")
            return
        members, header = want
        if any(model.startswith(name) for name in table.RESPONSES):
            members = {"reasoning": {"effort": effort} for effort in members.values()}
        self.assertEqual(len(reached), len(cases))
        for (form, stream), answer, body in zip(cases, answers, reached):
            with self.subTest(form=form, stream=stream):
                self.assertEqual({key: body[key] for key in CONTROLS if key in body}, members)
                self.told(answer, stream, header)

    def prompt(self, encoding, form):
        """The prompt of a request, as the encoder makes it, and how many tokens it has."""
        request = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **form}
        key = encoding + json.dumps(form)
        if key not in self.prompts:
            result = subprocess.run([PROGRAM, "model", "render", self.model, "--request", "-", "--encoding", encoding, "--json"],
                                    input=json.dumps(request), capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.prompts[key] = json.loads(result.stdout)
        return self.prompts[key]

    def at_engine(self, column, forms, want):
        (thinks, prefix), header = want
        encoding = table.ENGINES[column]
        for form in forms:
            with self.subTest(form=form):
                shown = self.prompt(encoding, form)
                self.assertTrue(shown["prompt"].endswith("<think>" if thinks else "</think>"), shown["prompt"])
                effort = re.search(r"Reasoning Effort: \w+ maximum", shown["prompt"])
                self.assertEqual(effort[0] if effort else "", PREFIXES[prefix], shown["prompt"])
                for stream in (False, True):
                    usage = self.told(self.ask(f"local-v4-{encoding}", form, stream), stream, header)
                    self.assertEqual(usage["prompt_tokens"], shown["n_tokens"])

    def budget_at_engine(self, column, asked):
        """Note 3: kept to the token, in the default tier."""
        n = min(asked, 20)
        model = f"local-v4-{table.ENGINES[column]}"
        for form in ({"thinking_budget": n}, {"reasoning": {"max_tokens": n}},
                     {"thinking": {"type": "enabled", "budget_tokens": n}}):
            with self.subTest(form=form):
                usage = self.told(self.ask(model, form, False, max_tokens=n + 64), False, f"high; budget={n}")
                self.assertLessEqual(usage["completion_tokens_details"]["reasoning_tokens"], n)


def cell(column, row, asked, forms):
    def at_engine(self):
        if row == "budget N":
            self.budget_at_engine(column, asked)
        else:
            self.at_engine(column, forms, table.expected_at_engine(column, row, asked))

    def at_upstream(self):
        for _, model in table.ENDPOINTS[column]:
            with self.subTest(model):
                want = table.expected(column, row, asked)
                self.at_upstream(model, forms, want, 150_000 if row == "budget N" else None)
                if asked in ("none", *table.WORDS, "on"):
                    route = f"{model}-{name_of(asked)}"
                    self.assertEqual(route in self.refused_routes, want is None)
                    if want is not None:
                        self.at_upstream(route, [{}], want)
    return at_engine if column in table.ENGINES else at_upstream


def without_a_column(model, asked, want):
    def test(self):
        forms = next((forms for _, word, forms in table.rows() if word == asked), [{"thinking_budget": asked}])
        if want is None:
            self.at_upstream(model, forms, None)
            return
        members, header = want
        same = header.partition(";")[0] == asked or asked in ("on", "default")
        reason = "budget" if isinstance(asked, int) else "unsupported"
        self.at_upstream(model, forms, (members, header if same else f"{header}; requested={asked}; reason={reason}"), 150_000)
    return test


for row, asked, forms in table.rows():
    for column in table.COLUMNS:
        setattr(Cells, f"test_{name_of(column)}__{name_of(row)}_{asked}", cell(column, row, asked, forms))
for (_, model), cells in table.OTHERS.items():
    for asked, want in cells.items():
        setattr(Cells, f"test_{name_of(model)}__{asked}", without_a_column(model, asked, want))


class Facts(unittest.TestCase):
    """That the copy is true, where the facts are at hand."""

    def text(self, name):
        file = FACTS / name
        if not file.exists():
            self.skipTest(f"the project's facts are not at hand: {name}")
        return file.read_text()

    def test_the_table_is_as_the_facts_have_it(self):
        text = self.text("thinking-tiers.md").partition("### 7.2")[2].partition("### 7.3")[0]
        lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines() if line.startswith("|")]
        self.assertEqual(tuple(lines[0][1:]), table.COLUMNS)
        self.assertEqual({row: dict(zip(lines[0][1:], cells)) for row, *cells in lines[2:]}, table.TABLE)

    def test_every_model_has_its_table(self):
        known = {model for pairs in table.ENDPOINTS.values() for _, model in pairs} | {model for _, model in table.OTHERS}
        listed = set(re.findall(r"^  - id: (\S+)", self.text("models-and-prices.yaml"), re.M))
        self.assertEqual({model for model in listed if not model.startswith("local/")} - known, set())


if __name__ == "__main__":
    unittest.main()
