#include "gateway/upstream/plain_transfer.h"

#include <array>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

namespace gateway {

namespace {

namespace http = boost::beast::http;

std::string request_head(const PlainUrl& url, const TransferRequest& request) {
    std::string head = "POST " + url.target + " HTTP/1.1\r\nhost: " + url.authority + "\r\n";
    head += request.headers->lines();
    if (!request.own_header.empty()) head += request.own_header + "\r\n";
    head += "accept-encoding: identity\r\ncontent-length: ";
    head += std::to_string(request.body.size());
    return head += "\r\n\r\n";
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

std::string reason_of(int error) {
    return std::generic_category().message(error);
}

}  // namespace

PlainTransfer::PlainTransfer(PlainClient& client, std::shared_ptr<const PlainUrl> url,
                             TransferRequest request, TransferSink& sink)
    : ListedTransfer(sink),
      client_(client),
      url_(std::move(url)),
      request_(std::move(request)),
      head_(request_head(*url_, request_)) {}

PlainTransfer::~PlainTransfer() {
    if (started_) client_.transfers_.remove(*this);
}

void PlainTransfer::start() {
    started_ = true;
    client_.transfers_.add(*this);
    if (auto connection = client_.pool_.take(url_->authority)) {
        kept_ = true;
        use(std::move(connection));
    } else {
        connect();
    }
    client_.transfers_.deliver_soon();
}

void PlainTransfer::connect() {
    connector_ = std::make_unique<PlainConnector>(
        client_.io_, url_->host, url_->port, [this](int fd, const std::string& error) {
            const auto connector = std::move(connector_);  // it is calling
            if (fd < 0) {
                fail(error);
            } else {
                use(std::make_unique<PlainConnection>(client_.sockets_, fd));
            }
            client_.transfers_.deliver();
        });
}

void PlainTransfer::use(std::unique_ptr<PlainConnection> connection) {
    connection_ = std::move(connection);
    connection_->used_by(*this);
    n_sent_ = 0;
    sink_->on_connected();
    client_.transfers_.mark(*this);
    send();
}

void PlainTransfer::on_ready(PlainConnection&, Readiness ready) {
    if (ready.writable) send();
    if (ready.readable && !paused_) receive(ready.ended);
}

void PlainTransfer::send() {
    const std::string_view body = request_.body;
    const size_t n_all = head_.size() + body.size();
    while (n_sent_ < n_all) {
        const std::string_view head =
            std::string_view(head_).substr(std::min(n_sent_, head_.size()));
        const std::string_view rest =
            body.substr(n_sent_ > head_.size() ? n_sent_ - head_.size() : 0);
        const std::array<iovec, 2> parts{iovec{const_cast<char*>(head.data()), head.size()},
                                         iovec{const_cast<char*>(rest.data()), rest.size()}};
        const ssize_t n = connection_->send(parts);
        if (n < 0 && would_block()) return connection_->want(true, true);
        // An upstream may answer before it has read all, and close: what it said is still there.
        if (n < 0) break;
        n_sent_ += static_cast<size_t>(n);
    }
    connection_->want(!paused_, false);
}

void PlainTransfer::receive(bool to_the_end) {
    do {
        const ssize_t n = connection_->receive(client_.scratch_);
        if (n < 0 && would_block()) return;
        if (n < 0) return lost(reason_of(errno));
        if (n == 0) return lost("the upstream closed the connection");
        heard_ = true;
        drained_ = !to_the_end && static_cast<size_t>(n) < client_.scratch_.size();
        parse({client_.scratch_.data(), static_cast<size_t>(n)});
    } while (!drained_ && !finished_ && !paused_);
}

void PlainTransfer::parse(std::string_view bytes) {
    if (!rest_.empty()) bytes = rest_.append(bytes);
    while (!bytes.empty() && !parser_->is_done()) {
        boost::beast::error_code error;
        const size_t n = parser_->put(boost::asio::buffer(bytes), error);
        bytes.remove_prefix(n);
        if (error && error != http::error::need_more)
            return fail("the upstream's HTTP: " + error.message());
        const bool is_interim = parser_->is_done() && parser_->status() / 100 == 1;
        if (is_interim) {
            parser_.emplace();
        } else if (n == 0) {
            break;
        }
    }
    rest_ = std::string(bytes);
    pass_on();
}

void PlainTransfer::pass_on() {
    if (!judged_ && parser_->is_header_done()) {
        judged_ = true;
        const std::string_view encoding = parser_->field("content-encoding");
        if (!encoding.empty() && encoding != "identity")
            return fail("the upstream's answer is compressed, which was not asked for");
    }
    if (!parser_->body().empty()) {
        client_.transfers_.mark(*this);
        TransferSink::Take take = TransferSink::Take::abort;
        try {
            take = sink_->on_bytes(parser_->body());
        } catch (const std::exception&) {
            // Out of memory: this transfer ends, the process does not.
        }
        switch (take) {
            case TransferSink::Take::more:
                parser_->body().clear();
                break;
            case TransferSink::Take::pause:
                paused_ = true;
                connection_->want(false, n_sent_ < head_.size() + request_.body.size());
                return;
            case TransferSink::Take::abort:
                return fail("not wanted");
        }
    }
    if (parser_->is_done()) end();
}

void PlainTransfer::unpause() {
    if (finished_ || !std::exchange(paused_, false)) return;
    connection_->want(true, n_sent_ < head_.size() + request_.body.size());
    pass_on();
    client_.transfers_.deliver_soon();
}

void PlainTransfer::lost(const std::string& error) {
    if (kept_ && !heard_) {
        // It was closed while it waited for us: that says nothing about this request.
        kept_ = false;
        connection_.reset();
        return connect();
    }
    boost::beast::error_code incomplete;
    if (parser_->got_some()) parser_->put_eof(incomplete);
    if (!incomplete && parser_->is_done()) return pass_on();
    fail(error);
}

void PlainTransfer::end() {
    finished_ = true;
    const bool is_clean = drained_ && rest_.empty() && parser_->keep_alive() &&
                          n_sent_ == head_.size() + request_.body.size();
    if (is_clean) {
        client_.pool_.put(url_->authority, std::move(connection_));
    } else {
        connection_.reset();
    }
    sink_->on_done(nullptr);
    client_.transfers_.mark(*this);
}

void PlainTransfer::fail(std::string error) {
    finished_ = true;
    connection_.reset();
    sink_->on_done(error.c_str());
    client_.transfers_.mark(*this);
}

std::string PlainTransfer::header(const char* name) const {
    return std::string(parser_->field(name));
}

void PlainTransfer::deadline_moved() {
    client_.transfers_.deadline_moved(sink_->deadline());
}

}  // namespace gateway
