// Tokens/s of llama.cpp on a GGUF file: the other side of beside_llama. Not part of the build; that
// script says how it is compiled.
//
//   llama_speed MODEL N_PROMPT N_DECODE N_THREADS repack|plain
//
// Prints "prefill decode", tokens/s of one prompt in one batch from an empty context, and of the
// N_DECODE tokens that follow it one by one; both after one run that does not count.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

namespace {

double seconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "llama_speed: %s\n", what);
    std::exit(1);
}

double tokens_per_second(llama_context* context, llama_token* tokens, int n, int n_together) {
    const double begin = seconds();
    for (int i = 0; i < n; i += n_together) {
        if (llama_decode(context, llama_batch_get_one(tokens + i, n_together)) != 0) {
            fail("llama_decode failed");
        }
    }
    llama_synchronize(context);
    return n / (seconds() - begin);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) fail("usage: llama_speed MODEL N_PROMPT N_DECODE N_THREADS repack|plain");
    const int n_prompt = std::atoi(argv[2]), n_decode = std::atoi(argv[3]);
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    ggml_backend_load_all();
    llama_model_params how = llama_model_default_params();
    how.use_extra_bufts = std::strcmp(argv[5], "repack") == 0;
    llama_model* model = llama_model_load_from_file(argv[1], how);
    if (!model) fail("the model did not load");
    llama_context_params options = llama_context_default_params();
    options.n_ctx = static_cast<uint32_t>(n_prompt + n_decode + 256);
    options.n_batch = options.n_ubatch = static_cast<uint32_t>(n_prompt);
    options.n_threads = options.n_threads_batch = std::atoi(argv[4]);
    llama_context* context = llama_init_from_model(model, options);
    if (!context) fail("no context");

    const int n_tokens = llama_vocab_n_tokens(llama_model_get_vocab(model));
    std::mt19937 random(1);
    std::vector<llama_token> tokens(static_cast<size_t>(n_prompt + n_decode));
    for (auto& token : tokens)
        token = static_cast<llama_token>(random() % static_cast<unsigned>(n_tokens));

    double prefill = 0, decode = 0;
    for (int run = 0; run < 2; ++run) {
        llama_memory_clear(llama_get_memory(context), true);
        prefill = tokens_per_second(context, tokens.data(), n_prompt, n_prompt);
        decode = tokens_per_second(context, tokens.data() + n_prompt, n_decode, 1);
    }
    std::printf("%.2f %.2f\n", prefill, decode);
    llama_free(context);
    llama_model_free(model);
}
