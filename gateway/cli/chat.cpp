// weir chat DIR: talk to a local model without HTTP.
#include <CLI/CLI.hpp>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>

#include "engine/engine.h"
#include "gateway/cli/command.h"

namespace gateway {

namespace {

struct ChatWords {
    std::string model, effort = "high", encoding = "0731", prompt;
    int64_t n_ctx = 8192, n_output_max = 512;
    float temperature = 1.0f;
    uint64_t seed = 0;
    bool has_seed = false, show_thinking = false;
};

// Prints the answer as it comes; reasoning in grey, if at all.
class Printer final : public engine::TokenSink {
public:
    explicit Printer(bool show_thinking) : show_thinking_(show_thinking) {}
    bool on_delta(engine::TokenDelta&& delta) override {
        if (show_thinking_ && !delta.reasoning.empty())
            std::printf("\x1b[90m%s\x1b[0m", delta.reasoning.c_str());
        std::fputs(delta.content.c_str(), stdout);
        std::fflush(stdout);
        answer_.content += delta.content;
        answer_.reasoning_content += delta.reasoning;
        return true;
    }
    void on_end(engine::FinishReason, const engine::TokenUsage& usage) override {
        const std::lock_guard lock(mutex_);
        usage_ = usage;
        ended_ = true;
        changed_.notify_one();
    }
    engine::ChatMessage wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_; });
        answer_.role = engine::Role::assistant;
        return std::move(answer_);
    }
    const engine::TokenUsage& usage() const { return usage_; }

private:
    const bool show_thinking_;
    engine::ChatMessage answer_;  // the scheduler thread's until ended_
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;  // guarded by mutex_, like usage_
    engine::TokenUsage usage_;
};

int complain(const engine::Error& error) {
    std::fprintf(stderr, "weir: %s\n", error.detail.c_str());
    return kExitNo;
}

// One turn: false when the engine refused it.
bool turn(engine::Engine& engine, engine::Conversation& conversation, const ChatWords& words,
          config::Effort tier) {
    auto prompt = engine.prepare(conversation, tier);
    if (!prompt) return complain(prompt.error()), false;
    engine::Sampling sampling;
    sampling.temperature = words.temperature;
    if (words.has_seed) sampling.seed = words.seed;
    Printer printer(words.show_thinking);
    const auto id = engine.submit(std::move(*prompt), sampling, {words.n_output_max}, printer);
    if (!id) return complain(id.error()), false;
    conversation.messages.push_back(printer.wait());
    std::printf("\n");
    return true;
}

int run(const ChatWords& words) {
    config::Engine config;
    config.name = "chat";
    config.model = words.model;
    config.encoding =
        words.encoding == "preview" ? config::Encoding::preview : config::Encoding::v0731;
    config.n_ctx = words.n_ctx;
    config.n_sequences_max = 1;
    const auto tier = config::parse_effort(words.effort);
    if (!tier) {
        std::fprintf(stderr, "weir: --effort: one of none minimal low medium high xhigh max\n");
        return kExitUsage;
    }
    auto engine = engine::Engine::open(config);
    if (!engine) return complain(engine.error());
    engine::Conversation conversation;
    if (!words.prompt.empty()) {
        conversation.messages.push_back({engine::Role::user, words.prompt});
        return turn(**engine, conversation, words, *tier) ? kExitOk : kExitNo;
    }
    std::fprintf(stderr, "%s. One line is one turn; an empty line or end of file ends.\n",
                 std::string((*engine)->fingerprint()).c_str());
    for (std::string line;
         std::fputs("> ", stderr), std::getline(std::cin, line) && !line.empty();) {
        conversation.messages.push_back({engine::Role::user, line});
        if (!turn(**engine, conversation, words, *tier)) return kExitNo;
    }
    return kExitOk;
}

}  // namespace

void add_chat(CLI::App& app, Invocation& invocation) {
    CLI::App* chat = app.add_subcommand("chat", "Talk to a local model");
    const auto words = std::make_shared<ChatWords>();
    chat->add_option("DIR", words->model, "The checkpoint's folder")->required();
    chat->add_option("--prompt", words->prompt, "One question instead of a conversation");
    chat->add_option("--effort", words->effort, "none minimal low medium high xhigh max");
    chat->add_option("--encoding", words->encoding, "preview or 0731")
        ->check(CLI::IsMember({"preview", "0731"}));
    chat->add_option("--ctx", words->n_ctx, "Context size in tokens")
        ->check(CLI::Range(64, 1 << 20));
    chat->add_option("--tokens", words->n_output_max, "Most tokens of one answer")
        ->check(CLI::Range(1, 1 << 20));
    chat->add_option("--temperature", words->temperature)->check(CLI::Range(0.0, 2.0));
    CLI::Option* seed = chat->add_option("--seed", words->seed);
    chat->add_flag("--show-thinking", words->show_thinking, "Print the reasoning, in grey");
    chat->callback([&invocation, words, seed] {
        words->has_seed = seed->count() > 0;
        invocation.run = [words] { return run(*words); };
    });
}

}  // namespace gateway
