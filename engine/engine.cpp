#include "engine/engine.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <new>
#include <random>

#include "engine/calls/call_grammar.h"
#include "engine/calls/call_memory.h"
#include "engine/calls/vocabulary.h"
#include "engine/chat/answer_format.h"
#include "engine/chat/chat_encoding.h"
#include "engine/chat/control_ids.h"
#include "engine/model/kv_choice.h"
#include "engine/model/model.h"
#include "engine/model/model_config.h"
#include "engine/model_digest.h"
#include "engine/scheduler/model_decoder.h"
#include "engine/scheduler/scheduler.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/weights/model_files.h"

namespace engine {
namespace {

// What the checkpoint stores most of, in numbers.
std::string main_type(const TensorSource& source) {
    std::map<TensorType, int64_t> n_by_type;
    for (const Tensor& tensor : source.tensors()) {
        n_by_type[tensor.type] += n_elements(tensor.shape).value_or(0);
    }
    const auto most =
        std::max_element(n_by_type.begin(), n_by_type.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == n_by_type.end()) return "none";
    if (most->first == TensorType::i8 || most->first == TensorType::u8) return "fp4";
    std::string name(to_string(most->first));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

ModelOptions options_of(const config::Engine& config) {
    ModelOptions options;
    options.roundings =
        config.roundings == config::Roundings::official ? Roundings::official : Roundings::none;
    options.numerics = config.numerics == config::Numerics::fast ? Numerics::fast : Numerics::exact;
    return options;
}

// One sequence of n_ctx tokens must fit, or it would wait forever.
Result<void> check_kv(const config::Engine& config, const ModelConfig& model, KvFormat format) {
    if (auto checked = check_kv_format(model, format); !checked) {
        return tl::unexpected(
            Error{checked.error().code, config.model + ": " + checked.error().detail});
    }
    const int64_t needed = kv_bytes(model, format, config.n_ctx).total();
    if (needed <= config.kv_bytes_max.value_or(INT64_MAX)) return {};
    return tl::unexpected(Error{
        Errc::unsupported, config.model + ": kv_bytes_max " + std::to_string(*config.kv_bytes_max) +
                               " holds no sequence of " + std::to_string(config.n_ctx) +
                               " tokens, which takes " + std::to_string(needed) + " bytes as " +
                               to_string(format) + "; raise it, or lower n_ctx"});
}

uint64_t random_seed() {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
}

struct Parts {
    std::unique_ptr<Tokenizer> tokenizer;
    ControlIds controls;
    std::unique_ptr<Model> model;
    KvFormat kv;
    std::string fingerprint;
};

// Of calls that answers wrote: those of some ten thousands of answers.
constexpr size_t kCallMemoryBytes = size_t{32} << 20;

class LocalEngine final : public Engine {
public:
    LocalEngine(const config::Engine& config, Parts parts)
        : encoding_(config.encoding),
          n_ctx_(config.n_ctx),
          fingerprint_(std::move(parts.fingerprint)),
          tokenizer_(std::move(parts.tokenizer)),
          controls_(parts.controls),
          model_(std::move(parts.model)),
          decoder_(*model_, {.n_places = config.n_sequences_max,
                             .n_ctx = config.n_ctx,
                             .n_tokens_max = config.n_prefill_tokens + config.n_sequences_max,
                             .n_threads = config.n_threads,
                             .kv = parts.kv,
                             .prefix_cache_bytes_max = config.prefix_cache_bytes_max}),
          scheduler_({.n_sequences_max = config.n_sequences_max,
                      .n_queued_max = config.n_queued_max,
                      .n_prefill_tokens = config.n_prefill_tokens,
                      .n_ctx = config.n_ctx,
                      .kv_bytes_max = config.kv_bytes_max.value_or(INT64_MAX),
                      .seed = random_seed()},
                     decoder_, *tokenizer_, controls_, &call_memory_) {}

    Result<Prompt> prepare(const Conversation& conversation, config::Effort tier) const override {
        const auto segments = render_chat(conversation, encoding_, tier, &call_memory_);
        if (!segments) return tl::unexpected(segments.error());
        auto tokens =
            encode_segments(*segments, *tokenizer_, controls_, static_cast<size_t>(n_ctx_));
        if (!tokens) return tl::unexpected(tokens.error());
        Prompt prompt{std::move(*tokens), tier != config::Effort::none};
        const bool has_tools = !conversation.tools.empty();
        const bool has_format = !conversation.response_format.empty();
        if ((has_tools || has_format) && !writes_every_byte_) {
            return tl::unexpected(Error{Errc::unsupported, "the tokenizer cannot write any text"});
        }
        if (has_tools) {
            auto grammar = CallGrammar::make(conversation.tools, conversation.tool_choice);
            if (!grammar) return tl::unexpected(grammar.error());
            prompt.calls = std::move(*grammar);
        }
        if (has_format) {
            auto format = answer_format(conversation.response_format);
            if (!format) return tl::unexpected(format.error());
            prompt.format = std::move(*format);
        }
        return prompt;
    }

    Result<SequenceId> submit(Prompt prompt, const Sampling& sampling, const Terms& terms,
                              TokenSink& sink) override {
        return scheduler_.submit(std::move(prompt), sampling, terms, sink);
    }
    void cancel(SequenceId id) override { scheduler_.cancel(id); }
    void resume(SequenceId id) override { scheduler_.resume(id); }
    int64_t n_resident(const Prompt& prompt, uint64_t owner) const override {
        return scheduler_.n_resident(prompt, owner);
    }
    Stats stats() const override { return scheduler_.stats(); }
    int64_t n_ctx() const override { return n_ctx_; }
    std::string_view fingerprint() const override { return fingerprint_; }

private:
    const config::Encoding encoding_;
    const int64_t n_ctx_;
    const std::string fingerprint_;
    const std::unique_ptr<Tokenizer> tokenizer_;
    const ControlIds controls_;
    const bool writes_every_byte_ = writes_every_byte(*tokenizer_);
    CallMemory call_memory_{kCallMemoryBytes};
    const std::unique_ptr<Model> model_;
    ModelDecoder decoder_;
    Scheduler scheduler_;  // last: its thread uses all of the above
};

// The tokenizer's ids must be the model's, or it would read words that nobody wrote.
Result<void> check_match(const Tokenizer& tokenizer, const ControlIds& controls,
                         const ModelConfig& model, const std::string& dir) {
    const auto refuse = [&dir](const std::string& why) {
        return tl::unexpected(Error{Errc::file_broken, dir + ": " + why});
    };
    if (tokenizer.n_ids() > model.n_vocab) {
        return refuse("tokenizer.json has id " + std::to_string(tokenizer.n_ids() - 1) +
                      ", config.json a vocab_size of " + std::to_string(model.n_vocab));
    }
    if (controls[Control::bos] != model.bos_token || controls[Control::eos] != model.eos_token) {
        return refuse("config.json and tokenizer.json disagree on the ids of BOS and EOS");
    }
    return {};
}

std::string fingerprint_of(uint32_t digest, const std::string& type, const ModelOptions& options,
                           KvFormat kv) {
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08x", digest);
    return std::string("weir-") + WEIR_VERSION + "-" + hex + "-" + type + "-" +
           (options.roundings == Roundings::official ? "official-" : "") +
           to_string(options.numerics) + "-kv-" + to_string(kv) + "-" +
           kernels::to_string(kernels::best_isa());
}

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const ModelFiles& files) {
    const auto refuse = [&files](Errc code, const std::string& what) {
        return tl::unexpected(Error{code, files.tokenizer_file + ": " + what});
    };
    if (files.tokenizer_json.empty()) {
        return refuse(Errc::file_missing,
                      files.form == ModelForm::gguf ? "holds no tokenizer" : "no such file");
    }
    auto tokenizer = Tokenizer::parse(files.tokenizer_json);
    if (!tokenizer) return refuse(tokenizer.error().code, tokenizer.error().detail);
    return tokenizer;
}

Result<Parts> load_parts(const config::Engine& config) {
    auto files = open_model_files(config.model);
    if (!files) return tl::unexpected(files.error());
    const auto model_config = parse_model_config(*files);
    if (!model_config) return tl::unexpected(model_config.error());
    if (config.n_ctx > model_config->n_ctx_max) {
        return tl::unexpected(
            Error{Errc::unsupported, config.model + ": n_ctx " + std::to_string(config.n_ctx) +
                                         " is beyond the model's " +
                                         std::to_string(model_config->n_ctx_max)});
    }
    const ModelOptions options = options_of(config);
    const KvFormat kv = kv_format_of(config.kv, options.roundings, options.numerics);
    if (const auto checked = check_kv(config, *model_config, kv); !checked) {
        return tl::unexpected(checked.error());
    }
    auto tokenizer = load_tokenizer(*files);
    if (!tokenizer) return tl::unexpected(tokenizer.error());
    const auto controls = ControlIds::find(**tokenizer);
    if (!controls) {
        return tl::unexpected(
            Error{controls.error().code, files->tokenizer_file + ": " + controls.error().detail});
    }
    const auto match = check_match(**tokenizer, *controls, *model_config, config.model);
    if (!match) return tl::unexpected(match.error());

    const std::string type = main_type(*files->tensors);
    const uint32_t digest =
        model_digest(files->config_json, files->tokenizer_json, *files->tensors);
    auto model = Model::from_source(*model_config, std::move(files->tensors), options);
    if (!model) return tl::unexpected(model.error());
    return Parts{std::move(*tokenizer), *controls, std::move(*model), kv,
                 fingerprint_of(digest, type, options, kv)};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const config::Engine& config) {
    Result<Parts> parts = load_parts(config);
    if (!parts) return tl::unexpected(parts.error());
    try {
        return std::make_unique<LocalEngine>(config, std::move(*parts));
    } catch (const std::bad_alloc&) {
        return tl::unexpected(
            Error{Errc::unsupported, config.model + ": no memory for " +
                                         std::to_string(config.n_sequences_max) + " sequences of " +
                                         std::to_string(config.n_ctx) +
                                         " tokens; lower n_sequences_max or n_ctx"});
    }
}

}  // namespace engine
