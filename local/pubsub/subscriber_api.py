"""``google.pubsub.v1.Subscriber``: subscriptions, and the ways to get and answer messages."""

import threading
import time
from collections.abc import Iterable, Iterator

import grpc
from google.pubsub_v1.types import (
    AcknowledgeRequest,
    DeleteSubscriptionRequest,
    GetSubscriptionRequest,
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
    ModifyAckDeadlineRequest,
    ModifyPushConfigRequest,
    PullRequest,
    PullResponse,
    ReceivedMessage,
    StreamingPullRequest,
    StreamingPullResponse,
    Subscription,
    UpdateSubscriptionRequest,
)

from local.pubsub.backlog import Backlog, Grant
from local.pubsub.broker import Broker
from local.pubsub.resources import ACK_DEADLINE_MAX_S, ACK_DEADLINE_MIN_S
from local.rpc import RefusedError, invalid, page, service, unary, unary_in_context

PULL_WAIT_S = 10.0
"""How long a pull waits for a first message. Ours; the real service says "a bounded amount"."""

STREAM_TAKE_MAX = 100
"""Messages in one response of a stream. Ours."""


class SubscriberApi:
    """The service over a broker."""

    def __init__(self, broker: Broker) -> None:
        """Serve this broker's subscriptions."""
        self._broker = broker

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a gRPC server needs."""
        broker = self._broker
        return service(
            "google.pubsub.v1.Subscriber",
            {
                "CreateSubscription": unary(Subscription, broker.create_subscription),
                "GetSubscription": unary(
                    GetSubscriptionRequest,
                    lambda request: broker.backlog(request.subscription).subscription,
                ),
                "ListSubscriptions": unary(ListSubscriptionsRequest, self._list),
                "UpdateSubscription": unary(
                    UpdateSubscriptionRequest,
                    lambda request: broker.update_subscription(
                        request.subscription, request.update_mask
                    ),
                ),
                "DeleteSubscription": unary(
                    DeleteSubscriptionRequest,
                    lambda request: broker.delete_subscription(request.subscription),
                ),
                "ModifyPushConfig": unary(
                    ModifyPushConfigRequest,
                    lambda request: broker.set_push_config(
                        request.subscription, request.push_config
                    ),
                ),
                "Acknowledge": unary(AcknowledgeRequest, self._acknowledge),
                "ModifyAckDeadline": unary(ModifyAckDeadlineRequest, self._modify_ack_deadline),
                "Pull": unary_in_context(PullRequest, self._pull),
                "StreamingPull": grpc.stream_stream_rpc_method_handler(
                    self._streaming_pull,
                    request_deserializer=StreamingPullRequest.deserialize,
                    response_serializer=StreamingPullResponse.serialize,
                ),
            },
        )

    def _list(self, request: ListSubscriptionsRequest) -> ListSubscriptionsResponse:
        subscriptions = [each.subscription for each in self._broker.backlogs(f"{request.project}/")]
        found, token = page(subscriptions, request.page_size, request.page_token)
        return ListSubscriptionsResponse(subscriptions=found, next_page_token=token)

    def _acknowledge(self, request: AcknowledgeRequest) -> None:
        _check_ack_ids(request.ack_ids)
        self._broker.backlog(request.subscription).acknowledge(request.ack_ids)

    def _modify_ack_deadline(self, request: ModifyAckDeadlineRequest) -> None:
        _check_ack_ids(request.ack_ids)
        if not 0 <= request.ack_deadline_seconds <= ACK_DEADLINE_MAX_S:
            raise invalid(f"An ack deadline is 0 to {ACK_DEADLINE_MAX_S} s.")
        backlog = self._broker.backlog(request.subscription)
        backlog.set_deadline(request.ack_ids, request.ack_deadline_seconds)

    def _pull(self, request: PullRequest, context: grpc.ServicerContext) -> PullResponse:
        if request.max_messages <= 0:
            raise invalid("max_messages must be positive.")
        backlog = self._broker.backlog(request.subscription)
        context.add_callback(backlog.wake)
        # A caller gets an empty answer rather than its own timeout.
        patience_s = min(PULL_WAIT_S, 0.8 * (context.time_remaining() or PULL_WAIT_S))
        end_s = time.monotonic() + (0 if request.return_immediately else patience_s)
        with backlog.changed:
            while not (grants := backlog.take(request.max_messages)):
                left_s = end_s - time.monotonic()
                if left_s <= 0 or backlog.is_closed or not context.is_active():
                    break
                backlog.wait(left_s)
        return PullResponse(received_messages=[_received(grant) for grant in grants])

    def _streaming_pull(
        self, requests: Iterator[StreamingPullRequest], context: grpc.ServicerContext
    ) -> Iterator[StreamingPullResponse]:
        try:
            first = next(requests)
            backlog = self._broker.backlog(first.subscription)
            stream = _Stream(backlog, first)
        except RefusedError as refused:
            context.abort(refused.code, refused.message)
        context.add_callback(stream.end)
        threading.Thread(target=stream.read, args=(requests,), daemon=True).start()
        while grants := stream.take():
            yield StreamingPullResponse(
                received_messages=[_received(grant) for grant in grants],
                subscription_properties={
                    "message_ordering_enabled": backlog.subscription.enable_message_ordering
                },
            )
        if backlog.is_closed:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{backlog.name} was deleted.")


class _Stream:
    """One open streaming pull: what it holds, and what it may still get."""

    def __init__(self, backlog: Backlog, first: StreamingPullRequest) -> None:
        deadline_s = first.stream_ack_deadline_seconds
        if not ACK_DEADLINE_MIN_S <= deadline_s <= ACK_DEADLINE_MAX_S:
            raise invalid(
                f"A stream's ack deadline is {ACK_DEADLINE_MIN_S} to {ACK_DEADLINE_MAX_S} s."
            )
        self._backlog = backlog
        self._lease_s = deadline_s
        # Source: reference of StreamingPullRequest; zero and less mean no limit.
        self._room = first.max_outstanding_messages if first.max_outstanding_messages > 0 else None
        self._held: set[str] = set()
        self._is_ended = False

    def take(self) -> list[Grant]:
        """Wait for messages and lease them; empty when the stream is at its end."""
        with self._backlog.changed:
            while not self._is_ended and not self._backlog.is_closed:
                self._held = {each for each in self._held if self._backlog.is_leased(each)}
                limit = STREAM_TAKE_MAX
                if self._room is not None:
                    limit = min(limit, max(0, self._room - len(self._held)))
                grants = self._backlog.take(limit, self._lease_s)
                self._held |= {grant.ack_id for grant in grants}
                if grants:
                    return grants
                self._backlog.wait()
        return []

    def read(self, requests: Iterable[StreamingPullRequest]) -> None:
        """Do what the caller sends on the stream, until it sends no more."""
        try:
            for request in requests:
                self._lease_s = request.stream_ack_deadline_seconds or self._lease_s
                self._backlog.acknowledge(request.ack_ids)
                pairs = zip(
                    request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=False
                )
                for ack_id, lease_s in pairs:
                    self._backlog.set_deadline([ack_id], lease_s)
        except (grpc.RpcError, RefusedError):
            # The caller went away, or sent nonsense: its stream ends either way.
            pass
        finally:
            self.end()

    def end(self) -> None:
        """Let ``take`` return."""
        self._is_ended = True
        self._backlog.wake()


def _check_ack_ids(ack_ids: Iterable[str]) -> None:
    if not list(ack_ids):
        raise invalid("No ack ids.")


def _received(grant: Grant) -> ReceivedMessage:
    return ReceivedMessage(
        ack_id=grant.ack_id, message=grant.message, delivery_attempt=grant.attempt
    )
