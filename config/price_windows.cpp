#include <fmt/format.h>

#include <algorithm>

#include "config/grammar_prices.h"
#include "config/linker.h"
#include "config/price_linker.h"
#include "config/scalar.h"

namespace config {

namespace {

constexpr std::array<std::string_view, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

bool overlap(const PriceWindow::Span& a, const PriceWindow::Span& b) {
    return a.begin < b.end && b.begin < a.end;
}

bool overlap(const PriceWindow& a, const PriceWindow& b) {
    for (size_t day = 0; day < kDays.size(); ++day) {
        if (!a.days[day] || !b.days[day]) continue;
        for (const PriceWindow::Span& span : a.hours) {
            for (const PriceWindow::Span& other : b.hours) {
                if (overlap(span, other)) return true;
            }
        }
    }
    return false;
}

class WindowLinker {
public:
    WindowLinker(const Member& member, std::string path, Refusals& refusals)
        : node_(member.value), path_(std::move(path)), refusals_(refusals) {
        window_.name = member.key;
        window_.days.fill(false);
    }

    PriceWindow link() {
        link_hours();
        for (const Node& day : items("days")) {
            const auto at = std::find(kDays.begin(), kDays.end(), day.text);
            window_.days[static_cast<size_t>(at - kDays.begin())] = true;
        }
        for (const Node& date : items("excluded_dates")) exclude(date);
        std::sort(window_.excluded.begin(), window_.excluded.end());
        return std::move(window_);
    }

private:
    const std::vector<Node>& items(std::string_view key) const {
        static const std::vector<Node> none;
        const Member* list = find(node_, key);
        return list ? list->value.items : none;
    }

    void link_hours() {
        for (const Node& item : items("hours")) {
            const PriceWindow::Span span = *parse_span(item.text);
            for (const PriceWindow::Span& before : window_.hours) {
                if (!overlap(span, before)) continue;
                refusals_.add(
                    item.at, path_ + ".hours",
                    fmt::format("{} overlaps another span; keep them apart", shown(item)));
                break;
            }
            window_.hours.push_back(span);
        }
        std::sort(window_.hours.begin(), window_.hours.end(),
                  [](const auto& a, const auto& b) { return a.begin < b.begin; });
    }

    void exclude(const Node& item) {
        const LocalTime noon{*parse_date(item.text), 12 * 60};
        const auto weekday = static_cast<size_t>(noon.weekday());
        if (!window_.days[weekday]) {
            refusals_.add(item.at, path_ + ".excluded_dates",
                          fmt::format("{} is a {}, on which the window is closed anyway; remove it",
                                      item.text, kDays[weekday]));
        }
        window_.excluded.push_back(noon.day);
    }

    const Node& node_;
    const std::string path_;
    Refusals& refusals_;
    PriceWindow window_;
};

}  // namespace

PriceWindow link_window(const Member& member, const std::string& path, Refusals& refusals) {
    return WindowLinker(member, path, refusals).link();
}

bool link_windows(const Node& version, const std::string& path, std::vector<PriceWindow>& windows,
                  Refusals& refusals) {
    const auto& nodes = members(version, "windows");
    const std::string below = path + ".windows";
    if (std::ssize(nodes) > kWindowsMax) {
        refusals.add(find(version, "windows")->at, below,
                     fmt::format("more than {} windows; join some", kWindowsMax));
        return false;
    }
    for (const Member& member : nodes) {
        const std::string window_path = below + "." + member.key;
        windows.push_back(WindowLinker(member, window_path, refusals).link());
        for (size_t i = 0; i + 1 < windows.size(); ++i) {
            if (!overlap(windows[i], windows.back())) continue;
            refusals.add(
                find(member.value, "hours")->at, window_path + ".hours",
                fmt::format("overlaps window {}; one instant has one price", nodes[i].key));
            break;
        }
    }
    return !refusals.any_at(below);
}

}  // namespace config
