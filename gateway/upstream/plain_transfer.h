#pragma once
// One request of the plain client.
#include <optional>
#include <string>
#include <string_view>

#include "gateway/upstream/plain_client.h"
#include "gateway/upstream/plain_connector.h"
#include "gateway/upstream/response_parser.h"

namespace gateway {

class PlainTransfer final : public ListedTransfer, private PlainConnection::User {
public:
    PlainTransfer(PlainClient& client, std::shared_ptr<const PlainUrl> url, TransferRequest request,
                  TransferSink& sink);
    ~PlainTransfer() override;
    PlainTransfer(const PlainTransfer&) = delete;
    PlainTransfer& operator=(const PlainTransfer&) = delete;

    void start() override;
    int status() const override { return parser_->status(); }
    std::string content_type() const override { return header("content-type"); }
    std::string header(const char* name) const override;
    void unpause() override;
    void deadline_moved() override;

private:
    void connect();
    void use(std::unique_ptr<PlainConnection> connection);
    void on_ready(PlainConnection& connection, Readiness ready) override;
    void send();
    // Reads what is there; `to_the_end`: the peer has said its last.
    void receive(bool to_the_end);
    // Parses what came; what the parser leaves stays in rest_.
    void parse(std::string_view bytes);
    // Gives the sink the body that has come, and ends the transfer behind its last byte.
    void pass_on();
    // The upstream has closed or the connection broke.
    void lost(const std::string& error);
    void end();
    void fail(std::string error);

    PlainClient& client_;
    const std::shared_ptr<const PlainUrl> url_;
    const TransferRequest request_;
    std::string head_;
    size_t n_sent_ = 0;  // of head_ and the body
    std::unique_ptr<PlainConnector> connector_;
    std::unique_ptr<PlainConnection> connection_;
    std::optional<ResponseParser> parser_{std::in_place};
    std::string rest_;
    bool started_ = false;
    bool kept_ = false;  // the connection served another request before
    bool heard_ = false;
    bool drained_ = false;  // nothing more is known to be in the socket
    bool judged_ = false;   // the head of the answer
    bool paused_ = false;
};

}  // namespace gateway
