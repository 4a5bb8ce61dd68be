#include "engine/weights/checkpoint.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/weights/json_strict.h"
#include "engine/weights/mapped_file.h"
#include "engine/weights/safetensors.h"

namespace engine {
namespace {

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";
constexpr size_t kIndexBytesMax = 32 << 20;

using WeightMap = std::map<std::string, std::string>;  // tensor to file

class Checkpoint final : public TensorSource {
public:
    Result<void> add(const std::filesystem::path& path) {
        auto file = MappedFile::open(path);
        if (!file) return tl::unexpected(file.error());
        files_.push_back(std::move(*file));
        auto tensors = parse_safetensors(files_.back().bytes(), path.string());
        if (!tensors) return tl::unexpected(tensors.error());
        std::move(tensors->begin(), tensors->end(), std::back_inserter(tensors_));
        return {};
    }
    const std::vector<Tensor>& tensors() const override { return tensors_; }

private:
    std::vector<MappedFile> files_;
    std::vector<Tensor> tensors_;
};

// A name of a file in the same folder, and nothing else.
bool is_plain_file_name(const std::string& name) {
    return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos && name.size() <= 255;
}

Result<WeightMap> read_index(const std::filesystem::path& path) {
    const auto refuse = [&](const std::string& what) {
        return tl::unexpected(Error{Errc::file_broken, path.string() + ": " + what});
    };
    const auto text = read_text_file(path, kIndexBytesMax);
    if (!text) return tl::unexpected(text.error());
    const auto index = parse_json_strict(*text, 4);
    if (!index) return refuse(index.error());
    const auto found = index->is_object() ? index->find("weight_map") : index->end();
    if (!index->is_object() || found == index->end() || !found->is_object() || found->empty()) {
        return refuse("no object \"weight_map\"");
    }
    WeightMap map;
    for (const auto& [tensor, file] : found->items()) {
        if (!file.is_string() || !is_plain_file_name(file.get_ref<const std::string&>())) {
            return refuse("tensor " + in_quotes(tensor) +
                          ": not the name of a file in this folder");
        }
        map.emplace(tensor, file.get<std::string>());
    }
    return map;
}

// The index and the shards must tell the same story.
Result<void> check_against(const WeightMap& map, const std::filesystem::path& dir,
                           const std::vector<Tensor>& tensors) {
    const auto refuse = [](const std::string& file, const std::string& tensor, const char* what) {
        return tl::unexpected(
            Error{Errc::file_broken, file + ": tensor " + in_quotes(tensor) + " " + what});
    };
    std::set<std::string_view> seen;
    for (const auto& tensor : tensors) {
        if (!seen.insert(tensor.name).second)
            return refuse(tensor.file, tensor.name, "stands in two files");
        const auto listed = map.find(tensor.name);
        if (listed == map.end()) return refuse(tensor.file, tensor.name, "is not in the index");
        if ((dir / listed->second).string() != tensor.file) {
            return refuse(tensor.file, tensor.name, "stands in another file by the index");
        }
    }
    for (const auto& [tensor, file] : map) {
        if (!seen.contains(tensor)) return refuse((dir / file).string(), tensor, "is missing");
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<TensorSource>> open_checkpoint(const std::filesystem::path& dir) {
    auto checkpoint = std::make_unique<Checkpoint>();
    std::error_code ignored;
    if (std::filesystem::exists(dir / kSingleFile, ignored)) {
        if (auto added = checkpoint->add(dir / kSingleFile); !added)
            return tl::unexpected(added.error());
        return checkpoint;
    }
    if (!std::filesystem::exists(dir / kIndexFile, ignored)) {
        return tl::unexpected(Error{
            Errc::file_missing, dir.string() + ": neither " + kSingleFile + " nor " + kIndexFile});
    }
    const auto map = read_index(dir / kIndexFile);
    if (!map) return tl::unexpected(map.error());
    std::set<std::string> files;
    for (const auto& [tensor, file] : *map) files.insert(file);
    for (const auto& file : files) {
        if (auto added = checkpoint->add(dir / file); !added) return tl::unexpected(added.error());
    }
    if (auto checked = check_against(*map, dir, checkpoint->tensors()); !checked) {
        return tl::unexpected(checked.error());
    }
    return checkpoint;
}

}  // namespace engine
