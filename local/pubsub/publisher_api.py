"""``google.pubsub.v1.Publisher``: topics, and what is published to them."""

import grpc
from google.pubsub_v1.types import (
    DeleteTopicRequest,
    GetTopicRequest,
    ListTopicsRequest,
    ListTopicsResponse,
    ListTopicSubscriptionsRequest,
    ListTopicSubscriptionsResponse,
    PublishRequest,
    PublishResponse,
    Topic,
    UpdateTopicRequest,
)

from local.pubsub.broker import Broker
from local.pubsub.resources import check_messages
from local.rpc import page, service, unary


class PublisherApi:
    """The service over a broker."""

    def __init__(self, broker: Broker) -> None:
        """Serve this broker's topics."""
        self._broker = broker

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a gRPC server needs."""
        broker = self._broker
        return service(
            "google.pubsub.v1.Publisher",
            {
                "CreateTopic": unary(Topic, broker.create_topic),
                "GetTopic": unary(GetTopicRequest, lambda request: broker.topic(request.topic)),
                "ListTopics": unary(ListTopicsRequest, self._list_topics),
                "ListTopicSubscriptions": unary(
                    ListTopicSubscriptionsRequest, self._list_subscriptions
                ),
                "UpdateTopic": unary(
                    UpdateTopicRequest,
                    lambda request: broker.update_topic(request.topic, request.update_mask),
                ),
                "DeleteTopic": unary(
                    DeleteTopicRequest, lambda request: broker.delete_topic(request.topic)
                ),
                "Publish": unary(PublishRequest, self._publish),
            },
        )

    def _list_topics(self, request: ListTopicsRequest) -> ListTopicsResponse:
        topics = self._broker.topics(request.project)
        found, token = page(topics, request.page_size, request.page_token)
        return ListTopicsResponse(topics=found, next_page_token=token)

    def _list_subscriptions(
        self, request: ListTopicSubscriptionsRequest
    ) -> ListTopicSubscriptionsResponse:
        self._broker.topic(request.topic)
        backlogs = self._broker.backlogs()
        names = [each.name for each in backlogs if each.subscription.topic == request.topic]
        found, token = page(names, request.page_size, request.page_token)
        return ListTopicSubscriptionsResponse(subscriptions=found, next_page_token=token)

    def _publish(self, request: PublishRequest) -> PublishResponse:
        messages = list(request.messages)
        check_messages(messages, PublishRequest.pb(request).ByteSize())
        return PublishResponse(message_ids=self._broker.publish(request.topic, messages))
