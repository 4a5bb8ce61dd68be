// Model files with something broken in them: read or refused, never believed.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <random>

#include "engine/model/forward.h"
#include "engine/model_tools.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/weights/gguf.h"
#include "engine/weights/gguf_config.h"
#include "engine/weights/gguf_tokenizer.h"
#include "engine/weights/safetensors.h"
#include "tests/support/sanitized.h"
#include "tests/support/tiny_checkpoint.h"

using namespace engine;

namespace {

std::string read_bytes(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE(in);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Originals {
    std::string config, tokenizer, safetensors, gguf;

    Originals() {
        const support::TinyCheckpoint checkpoint;
        const auto& dir = checkpoint.dir();
        config = read_bytes(dir / "config.json");
        tokenizer = read_bytes(dir / "tokenizer.json");
        safetensors = read_bytes(dir / "model.safetensors");
        const auto done = convert_model(dir, dir / "model.gguf", {});
        INFO((done ? "" : done.error().detail));
        REQUIRE(done);
        gguf = read_bytes(dir / "model.gguf");
    }
};

class InMemory final : public TensorSource {
public:
    explicit InMemory(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}
    const std::vector<Tensor>& tensors() const override { return tensors_; }

private:
    std::vector<Tensor> tensors_;
};

class Mutator {
public:
    explicit Mutator(uint32_t seed) : random_(seed) {}

    size_t below(size_t n) { return static_cast<size_t>(random_()) % n; }

    // A few places, mostly in the first n_header bytes, where the structure stands.
    std::string mutate(std::string bytes, size_t n_header) {
        for (size_t n = 1 + below(4); n > 0 && !bytes.empty(); --n) {
            const size_t reach = below(8) != 0 ? std::min(n_header, bytes.size()) : bytes.size();
            const size_t at = below(reach);
            const size_t length = std::min<size_t>(below(60), bytes.size() - at);
            switch (below(7)) {
                case 0:
                    bytes[at] = static_cast<char>(random_());
                    break;
                case 1:
                    bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
                    break;
                case 2:
                    overwrite(bytes, at);
                    break;
                case 3:
                    bytes.erase(at, length);
                    break;
                case 4:
                    bytes.insert(at, bytes.substr(at, length));
                    break;
                case 5:
                    digit(bytes, at);
                    break;
                default:
                    if (below(4) == 0) bytes.resize(at);
            }
        }
        return bytes;
    }

private:
    // A length, count, offset or type that somebody might trust.
    void overwrite(std::string& bytes, size_t at) {
        constexpr uint64_t kNumbers[] = {0,
                                         1,
                                         7,
                                         255,
                                         1u << 20,
                                         INT32_MAX,
                                         uint64_t{1} << 31,
                                         UINT32_MAX,
                                         uint64_t{1} << 32,
                                         uint64_t{1} << 60,
                                         INT64_MAX,
                                         uint64_t{1} << 63,
                                         UINT64_MAX - 31,
                                         UINT64_MAX};
        const uint64_t number = kNumbers[below(std::size(kNumbers))];
        const size_t width = std::min<size_t>(below(2) != 0 ? 8 : 4, bytes.size() - at);
        std::memcpy(bytes.data() + at, &number, width);
    }
    // The next number in text becomes another one.
    void digit(std::string& bytes, size_t at) {
        const size_t found = bytes.find_first_of("0123456789", at);
        if (found == std::string::npos) return;
        constexpr const char* kNumbers[] = {
            "0", "-1", "1.5", "99999", "16777216", "2147483648", "18446744073709551616", "1e300"};
        bytes.replace(found, 1, kNumbers[below(std::size(kNumbers))]);
    }

    std::mt19937 random_;
};

struct Outcome {
    int n_computed = 0;
    int n_refused = 0;
};

void check_refusal(const Error& error) {
    REQUIRE(error.detail.find('\n') == std::string::npos);
    REQUIRE(error.detail.size() < 2000);
    REQUIRE((error.code == Errc::file_broken || error.code == Errc::unsupported));
}

// Two tokens through whatever was loaded.
void compute(const Model& model, Mutator& mutator) {
    const auto n_vocab = static_cast<size_t>(model.config().n_vocab);
    kernels::ThreadPool pool(1);
    Workspace workspace(model, pool, {.n_tokens_max = 2, .n_ctx = 2});
    KvState kv(model.config(), 2);
    const int32_t tokens[] = {static_cast<int32_t>(mutator.below(n_vocab)),
                              static_cast<int32_t>(mutator.below(n_vocab))};
    std::vector<float> logits(n_vocab);
    const SequenceChunk chunk{&kv, tokens, LogitsWanted::last, logits.data()};
    forward(model, workspace, {&chunk, 1});
}

bool load_and_compute(const std::string& config_json, std::vector<Tensor> tensors,
                      Mutator& mutator) {
    const auto config = parse_model_config(config_json);
    if (!config) return check_refusal(config.error()), false;
    ModelOptions options;
    options.with_mtp = true;
    if (mutator.below(2) != 0) options.roundings = Roundings::official;
    const auto model =
        Model::from_source(*config, std::make_unique<InMemory>(std::move(tensors)), options);
    if (!model) return check_refusal(model.error()), false;
    compute(**model, mutator);
    return true;
}

bool read_gguf(const std::string& bytes, Mutator& mutator) {
    const auto file = parse_gguf(std::as_bytes(std::span(bytes)), "mutated.gguf");
    if (!file) return check_refusal(file.error()), false;
    const auto tokenizer = tokenizer_json_of(*file, "mutated.gguf");
    if (!tokenizer) return check_refusal(tokenizer.error()), false;
    if (!tokenizer->empty()) {
        const auto parsed = Tokenizer::parse(*tokenizer);
        if (!parsed) return check_refusal(parsed.error()), false;
    }
    const auto config = config_json_of(*file, "mutated.gguf");
    if (!config) return check_refusal(config.error()), false;
    return load_and_compute(*config, file->tensors, mutator);
}

bool read_folder(const std::string& config, const std::string& safetensors, Mutator& mutator) {
    auto tensors = parse_safetensors(std::as_bytes(std::span(safetensors)), "mutated.safetensors");
    if (!tensors) return check_refusal(tensors.error()), false;
    return load_and_compute(config, std::move(*tensors), mutator);
}

bool read_tokenizer(const std::string& json) {
    const auto tokenizer = Tokenizer::parse(json);
    if (tokenizer) return true;
    check_refusal(tokenizer.error());
    return false;
}

size_t header_of(const std::string& safetensors) {
    uint64_t length = 0;
    std::memcpy(&length, safetensors.data(), 8);
    return 8 + length;
}

int64_t peak_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return int64_t{1024} * usage.ru_maxrss;
}

Outcome run(int n, uint32_t seed) {
    const Originals original;
    Mutator mutator(seed);
    Mutator unchanged(seed);
    REQUIRE(read_gguf(original.gguf, unchanged));
    REQUIRE(read_folder(original.config, original.safetensors, unchanged));
    REQUIRE(read_tokenizer(original.tokenizer));
    const size_t n_gguf = original.gguf.find("blk.3.ffn_down_exps") + 200;
    const size_t n_safetensors = header_of(original.safetensors);
    const int64_t before = peak_bytes();
    Outcome outcome;
    for (int i = 0; i < n; ++i) {
        bool computed = false;
        const size_t kind = mutator.below(8);
        if (kind < 4) {
            computed = read_gguf(mutator.mutate(original.gguf, n_gguf), mutator);
        } else if (kind < 6) {
            computed = read_folder(original.config,
                                   mutator.mutate(original.safetensors, n_safetensors), mutator);
        } else if (kind < 7) {
            computed = read_folder(mutator.mutate(original.config, original.config.size()),
                                   original.safetensors, mutator);
        } else {
            const std::string& text = original.tokenizer;
            computed = read_tokenizer(mutator.mutate(text, text.size()));
        }
        ++(computed ? outcome.n_computed : outcome.n_refused);
    }
    if (!support::kSanitized) {
        const auto size =
            static_cast<int64_t>(std::max(original.gguf.size(), original.safetensors.size()));
        CHECK(peak_bytes() - before <= size + (64 << 20));
    }
    return outcome;
}

}  // namespace

TEST_CASE("mutated models: read or refused, one hundredth of them", "[engine][model]") {
    const Outcome outcome = run(1000, 1);
    CHECK(outcome.n_refused > 300);
    CHECK(outcome.n_computed > 30);  // else nothing behind the readers would be reached
}

TEST_CASE("mutated models: read or refused, a hundred thousand", "[.slow]") {
    const Outcome outcome = run(100'000, 2);
    CHECK(outcome.n_refused > 30'000);
    CHECK(outcome.n_computed > 3'000);
}
