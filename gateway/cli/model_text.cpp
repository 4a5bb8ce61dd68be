// weir model render|tokenize|detokenize: what a model reads of a request or a text, and back.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "config/thinking_defaults.h"
#include "engine/model_tools.h"
#include "gateway/api/chat_request.h"
#include "gateway/api/json_text.h"
#include "gateway/cli/command.h"
#include "routing/thinking.h"

namespace gateway {

namespace {

struct ModelTextWords {
    std::string dir, file, encoding;
    bool json = false;
};

constexpr size_t kFileBytesMax = 256 << 20;

int complain(const std::string& detail) {
    std::fprintf(stderr, "weir: %s\n", detail.c_str());
    return kExitNo;
}

// "-" is standard input.
tl::expected<std::string, std::string> read(const std::string& name) {
    std::ifstream file;
    if (name != "-") {
        file.open(name, std::ios::binary);
        if (!file) return tl::unexpected(name + ": cannot be read");
    }
    std::istream& in = name == "-" ? std::cin : file;
    std::string text((std::istreambuf_iterator<char>(in)), {});
    if (text.size() > kFileBytesMax) return tl::unexpected(name + ": larger than 256 MiB");
    return text;
}

std::optional<config::Encoding> encoding_of(const ModelTextWords& words) {
    if (words.encoding.empty()) return std::nullopt;
    return words.encoding == "preview" ? config::Encoding::preview : config::Encoding::v0731;
}

void append_tokens(std::string& out, const std::vector<int32_t>& tokens) {
    out += '[';
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (i > 0) out += ',';
        append_number(out, tokens[i]);
    }
    out += ']';
}

// As an endpoint with the default thinking table would.
engine::Result<engine::RenderedPrompt> render_request(const ModelTextWords& words,
                                                      std::string body) {
    using engine::Errc;
    const auto refuse = [](const std::string& detail) {
        return tl::unexpected(engine::Error{Errc::prompt_invalid, detail});
    };
    auto request = parse_chat_request(std::move(body), config::Limits());
    if (!request) return refuse(request.error().message);
    const auto conversation = engine_conversation(*request);
    if (!conversation) return refuse(conversation.error().message);
    const auto n_ctx = engine::context_of(words.dir);
    if (!n_ctx) return tl::unexpected(n_ctx.error());
    const auto encoding = encoding_of(words).value_or(config::Encoding::v0731);
    const auto table = config::local_thinking(encoding, config::Effort::high);
    const auto thinking = routing::effective_thinking(request->thinking, table, *n_ctx);
    if (!thinking) return refuse(thinking.error().detail);
    return engine::render_prompt(words.dir, *conversation, encoding, thinking->tier);
}

int render(const ModelTextWords& words) {
    auto text = read(words.file);
    if (!text) return complain(text.error());
    const auto rendered = engine::is_reference_case(*text)
                              ? engine::render_case(words.dir, *text, encoding_of(words))
                              : render_request(words, std::move(*text));
    if (!rendered) return complain(rendered.error().detail);
    if (!words.json) {
        std::fwrite(rendered->text.data(), 1, rendered->text.size(), stdout);
        return kExitOk;
    }
    std::string out = R"({"prompt":)";
    append_json_string(out, rendered->text);
    out += R"(,"token_ids":)";
    append_tokens(out, rendered->tokens);
    out += R"(,"n_tokens":)";
    append_number(out, static_cast<int64_t>(rendered->tokens.size()));
    std::printf("%s}\n", out.c_str());
    return kExitOk;
}

int tokenize(const ModelTextWords& words) {
    const auto text = read(words.file);
    if (!text) return complain(text.error());
    const auto tokens = engine::tokenize(words.dir, *text);
    if (!tokens) return complain(tokens.error().detail);
    std::string out;
    append_tokens(out, *tokens);
    if (words.json) {
        out = R"({"token_ids":)" + out + R"(,"n_tokens":)";
        append_number(out, static_cast<int64_t>(tokens->size()));
        out += '}';
    }
    std::printf("%s\n", out.c_str());
    return kExitOk;
}

int detokenize(const ModelTextWords& words) {
    const auto tokens = read(words.file);
    if (!tokens) return complain(tokens.error());
    const auto text = engine::detokenize(words.dir, *tokens);
    if (!text) return complain(text.error().detail);
    std::string out = *text;
    if (words.json) {
        out = R"({"text":)";
        append_json_string(out, *text);
        out += "}\n";
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
    return kExitOk;
}

}  // namespace

void add_model_text(CLI::App& model, Invocation& invocation) {
    const auto words = std::make_shared<ModelTextWords>();
    const auto add = [&](const char* name, const char* what, int (*run)(const ModelTextWords&)) {
        CLI::App* command = model.add_subcommand(name, what);
        command->add_option("DIR", words->dir, "A folder with a tokenizer.json")->required();
        command->add_flag("--json", words->json);
        command->callback(
            [&invocation, words, run] { invocation.run = [words, run] { return run(*words); }; });
        return command;
    };
    CLI::App* show = add("render", "The prompt of a request, and its tokens", render);
    show->add_option("--request", words->file, "A chat request, or a case of the official encoder")
        ->required();
    show->add_option("--encoding", words->encoding, "preview or 0731")
        ->check(CLI::IsMember({"preview", "0731"}));
    add("tokenize", "The tokens of a text, none of them a control", tokenize)
        ->add_option("FILE", words->file, "The text; - is standard input");
    add("detokenize", "The text of a JSON array of token ids", detokenize)
        ->add_option("FILE", words->file, "The tokens; - is standard input");
    words->file = "-";
}

}  // namespace gateway
