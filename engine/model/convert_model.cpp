#include "engine/model/export.h"
#include "engine/model_tools.h"

namespace engine {

Result<ConvertReport> convert_model(const std::filesystem::path& from,
                                    const std::filesystem::path& to,
                                    const std::function<void(int64_t, int64_t)>& progress) {
    auto files = open_model_files(from);
    if (!files) return tl::unexpected(files.error());
    const auto config = parse_model_config(*files);
    if (!config) return tl::unexpected(config.error());
    const bool to_gguf = to.extension() == ".gguf";
    const bool with_mtp = has_mtp(*files->tensors);
    const auto tensors = collect_tensors(
        *config, *files->tensors, with_mtp && !to_gguf ? MtpTensors::take : MtpTensors::leave_out);
    if (!tensors) return tl::unexpected(tensors.error());
    const ExportSource source{*config, *tensors, *files};
    const auto done =
        to_gguf ? export_gguf(source, to, progress) : export_safetensors(source, to, progress);
    if (!done) return tl::unexpected(done.error());
    return ConvertReport{static_cast<int64_t>(tensors->size()), with_mtp && to_gguf};
}

}  // namespace engine
