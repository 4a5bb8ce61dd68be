// mask_bench TOKENIZER.JSON [ROUNDS]: how long the mask takes for each token of answers that are
// held to a form, microseconds; and how long schemas take to compile.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/chat/answer_mask.h"

namespace {

using namespace engine;

int complain(const std::string& what) {
    std::fprintf(stderr, "mask_bench: %s\n", what.c_str());
    return 1;
}

double microseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
        .count();
}

struct Case {
    const char* name;
    std::string format;  // empty: none
    std::string tools;   // empty: none
    std::string answer;  // the name of the DSML token stands for it
};

std::string format_of(const std::string& schema) {
    return R"({"type":"json_schema","json_schema":{"name":"x","schema":)" + schema + "}}";
}

std::string call_of(const std::string& parameters) {
    return "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"find\">\n" + parameters +
           "</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
}

const std::string kSchema = R"({"type":"object","additionalProperties":false,
    "required":["name","city","tags","size","notes"],"properties":{
        "name":{"type":"string"},"city":{"enum":["Oulu","Turku","Kuopio","San Francisco"]},
        "tags":{"type":"array","items":{"type":"string"}},"size":{"type":["number","null"]},
        "notes":{"anyOf":[{"type":"null"},{"type":"object","additionalProperties":{"type":"string"}}]}}})";
const std::string kJson =
    "{\n  \"name\": \"The \\\"old\\\" mill \\u00e9 by the river\",\n  \"city\": \"San "
    "Francisco\",\n  "
    "\"tags\": [\"mill\", \"water power\", \"1890s\"],\n  \"size\": 1234.5e-2,\n  "
    "\"notes\": {\"first line\": \"a\\nb\\\\c\", \"owner\": \"the town\"}\n}";

std::string tools_of(const char* strict) {
    return R"([{"type":"function","function":{"name":"find","strict":)" + std::string(strict) +
           R"(,"parameters":)" + kSchema + "}}]";
}

std::vector<Case> cases() {
    const std::string parameter = "<｜DSML｜parameter name=\"";
    const std::string end = "</｜DSML｜parameter>\n";
    const std::string call =
        call_of(parameter + "name\" string=\"true\">The old mill" + end + parameter +
                "city\" string=\"true\">San Francisco" + end + parameter +
                "tags\" string=\"false\">[\"mill\", \"water power\"]" + end + parameter +
                "size\" string=\"false\">12.5" + end + parameter +
                "notes\" string=\"false\">{\"first\": \"a\\nb\"}" + end);
    return {{"json_object", R"({"type":"json_object"})", "", kJson},
            {"json_schema", format_of(kSchema), "", kJson},
            {"strict tool", "", tools_of("true"), call},
            {"tool, not strict", "", tools_of("false"), call},
            {"tool of any keys", "", R"([{"type":"function","function":{"name":"find",
              "parameters":{"type":"object"}}}])",
             call}};
}

// The answer's tokens, each behind the mask that it was chosen from; false: one was not allowed.
bool walk(const Case& one, const Tokenizer& tokenizer, const ControlIds& controls, AnswerMask& mask,
          std::vector<double>& times) {
    AnswerCalls calls;
    std::shared_ptr<const JsonSchema> format;
    if (!one.tools.empty()) {
        calls.grammar = CallGrammar::make(one.tools, {ToolChoice::Mode::required, {}, 1}).value();
    }
    if (!one.format.empty()) format = answer_format(one.format).value();
    AnswerStream stream(tokenizer, controls, false, {}, calls, INT64_MAX, format);
    std::string_view rest = one.answer;
    const std::string_view dsml = to_string(Control::dsml);
    std::vector<int32_t> tokens;
    while (!rest.empty()) {
        const size_t at = std::min(rest.find(dsml), rest.size());
        if (!tokenizer.encode_text(rest.substr(0, at), SIZE_MAX, tokens)) return false;
        if (at < rest.size()) tokens.push_back(controls[Control::dsml]);
        rest.remove_prefix(std::min(at + dsml.size(), rest.size()));
    }
    for (const int32_t token : tokens) {
        const auto start = std::chrono::steady_clock::now();
        const auto use = mask.next(stream);
        times.push_back(microseconds_since(start));
        if (use[static_cast<size_t>(token)] == TokenUse::never) return false;
        TokenDelta delta;
        stream.push(token, {}, delta);
    }
    return true;
}

void print(const char* name, std::vector<double>& times) {
    std::sort(times.begin(), times.end());
    const auto at = [&](double part) {
        return times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))];
    };
    std::printf("%-18s median %7.1f us, p95 %7.1f us, p99 %7.1f us, of %zu\n", name, at(0.5),
                at(0.95), at(0.99), times.size());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return complain("TOKENIZER.JSON [ROUNDS]");
    const auto tokenizer = Tokenizer::open(argv[1]);
    if (!tokenizer) return complain(tokenizer.error().detail);
    const auto controls = ControlIds::find(**tokenizer);
    if (!controls) return complain(controls.error().detail);
    if ((*controls)[Control::dsml] < 0) return complain("the tokenizer has no DSML token");
    const int n_rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 20;
    AnswerMask mask(**tokenizer, *controls, (*tokenizer)->n_ids());
    for (const Case& one : cases()) {
        std::vector<double> times;
        for (int round = 0; round < n_rounds; ++round) {
            if (!walk(one, **tokenizer, *controls, mask, times))
                return complain(std::string(one.name) + ": the mask forbids the answer");
        }
        print(one.name, times);
    }
    std::vector<double> times;
    for (int round = 0; round < 50 * n_rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        if (!JsonSchema::compile(kSchema)) return complain("the schema does not compile");
        times.push_back(microseconds_since(start));
    }
    print("compile", times);
    return 0;
}
