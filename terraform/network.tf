# The way out: to databases with private addresses, and to Snowflake in one of four ways.

locals {
  makes_network = var.network.existing == null
  network       = local.makes_network ? google_compute_network.this[0].id : var.network.existing.network
  subnetwork    = local.makes_network ? google_compute_subnetwork.this[0].id : var.network.existing.subnetwork
  access        = var.snowflake_access.mode
  # With a fixed address all traffic goes through the network, else only what is private.
  egress         = local.access == "static_ip" ? "VPC_EGRESS_ALL_TRAFFIC" : "VPC_EGRESS_PRIVATE_RANGES_ONLY"
  makes_cloudsql = var.postgres != null || var.sqlserver != null
}

resource "google_compute_network" "this" {
  count = local.makes_network ? 1 : 0

  name                    = var.prefix
  description             = "Functions of ${var.prefix} and what they reach in private."
  auto_create_subnetworks = false
  deletion_policy         = "DELETE"

  depends_on = [google_project_service.this]
}

resource "google_compute_subnetwork" "this" {
  count = local.makes_network ? 1 : 0

  name                     = "${var.prefix}-functions"
  description              = "Addresses of function instances: direct VPC egress takes some for each."
  network                  = google_compute_network.this[0].id
  region                   = var.region
  ip_cidr_range            = var.network.cidr
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }
}

# Nothing in this network is a server, so nothing may come in.
resource "google_compute_firewall" "no_way_in" {
  count = local.makes_network ? 1 : 0

  name        = "${var.prefix}-no-way-in"
  description = "Nothing in this network takes connections."
  network     = google_compute_network.this[0].id
  direction   = "INGRESS"
  priority    = 65534

  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }
}

# Cloud SQL lives in Google's network; this is the range that it takes addresses from.
resource "google_compute_global_address" "services" {
  count = local.makes_network && local.makes_cloudsql ? 1 : 0

  name          = "${var.prefix}-services"
  description   = "Addresses of Cloud SQL."
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = var.network.services_prefix
  network       = google_compute_network.this[0].id
}

resource "google_service_networking_connection" "services" {
  count = local.makes_network && local.makes_cloudsql ? 1 : 0

  network                 = google_compute_network.this[0].id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services[0].name]
  deletion_policy         = "ABANDON" # Google gives the range back days after the last instance
}

# static_ip, and vpn, which needs a router for its routes.
resource "google_compute_router" "this" {
  count = contains(["static_ip", "vpn"], local.access) ? 1 : 0

  name    = var.prefix
  region  = var.region
  network = local.network

  dynamic "bgp" {
    for_each = local.access == "vpn" ? [var.snowflake_access.vpn.asn] : []
    content {
      asn = bgp.value
    }
  }
}

resource "google_compute_address" "egress" {
  count = local.access == "static_ip" ? 1 : 0

  name        = "${var.prefix}-egress"
  description = "What Snowflake's network policy must allow."
  region      = var.region
}

resource "google_compute_router_nat" "egress" {
  count = local.access == "static_ip" ? 1 : 0

  name                               = "${var.prefix}-egress"
  router                             = google_compute_router.this[0].name
  region                             = var.region
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.egress[0].self_link]
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = local.subnetwork
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# psc: Snowflake's private endpoint has an address here, and its hosts' names lead to it.
resource "google_compute_address" "snowflake" {
  count = local.access == "psc" ? 1 : 0

  name         = "${var.prefix}-snowflake"
  description  = "Snowflake by Private Service Connect."
  region       = var.region
  subnetwork   = local.subnetwork
  address_type = "INTERNAL"
}

resource "google_compute_forwarding_rule" "snowflake" {
  count = local.access == "psc" ? 1 : 0

  name                    = "${var.prefix}-snowflake"
  description             = "Snowflake by Private Service Connect."
  region                  = var.region
  network                 = local.network
  ip_address              = google_compute_address.snowflake[0].self_link
  load_balancing_scheme   = "" # what an endpoint of a service attachment has
  target                  = var.snowflake_access.service_attachment
  allow_psc_global_access = true
}

resource "google_dns_managed_zone" "snowflake" {
  count = local.access == "psc" ? 1 : 0

  name        = "${var.prefix}-snowflake"
  dns_name    = "privatelink.snowflakecomputing.com."
  description = "Snowflake's private hosts."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = local.network
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_dns_record_set" "snowflake" {
  for_each = local.access == "psc" ? toset(var.snowflake_access.hosts) : []

  managed_zone = google_dns_managed_zone.snowflake[0].name
  name         = "${trimsuffix(each.key, ".")}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_address.snowflake[0].address]
}

# vpn: two tunnels, so that one may fail.
resource "google_compute_ha_vpn_gateway" "this" {
  count = local.access == "vpn" ? 1 : 0

  name    = var.prefix
  region  = var.region
  network = local.network
}

resource "google_compute_external_vpn_gateway" "peer" {
  count = local.access == "vpn" ? 1 : 0

  name            = "${var.prefix}-peer"
  description     = "The other end, beside Snowflake."
  redundancy_type = "TWO_IPS_REDUNDANCY"

  dynamic "interface" {
    for_each = var.snowflake_access.vpn.peer_ips
    content {
      id         = interface.key
      ip_address = interface.value
    }
  }
}

ephemeral "google_secret_manager_secret_version" "vpn" {
  count = local.access == "vpn" && try(var.snowflake_access.vpn.secret_version, 0) > 0 ? 1 : 0

  secret = google_secret_manager_secret.this["vpn-shared-secret"].id
}

resource "google_compute_vpn_tunnel" "this" {
  count = local.access == "vpn" && try(var.snowflake_access.vpn.secret_version, 0) > 0 ? 2 : 0

  name                            = "${var.prefix}-${count.index}"
  region                          = var.region
  vpn_gateway                     = google_compute_ha_vpn_gateway.this[0].id
  vpn_gateway_interface           = count.index
  peer_external_gateway           = google_compute_external_vpn_gateway.peer[0].id
  peer_external_gateway_interface = count.index
  router                          = google_compute_router.this[0].id
  shared_secret_wo                = ephemeral.google_secret_manager_secret_version.vpn[0].secret_data
  shared_secret_wo_version        = var.snowflake_access.vpn.secret_version
}

resource "google_compute_router_interface" "vpn" {
  count = length(google_compute_vpn_tunnel.this)

  name       = "${var.prefix}-${count.index}"
  router     = google_compute_router.this[0].name
  region     = var.region
  ip_range   = "169.254.${count.index}.1/30"
  vpn_tunnel = google_compute_vpn_tunnel.this[count.index].name
}

resource "google_compute_router_peer" "vpn" {
  count = length(google_compute_vpn_tunnel.this)

  name            = "${var.prefix}-${count.index}"
  router          = google_compute_router.this[0].name
  region          = var.region
  interface       = google_compute_router_interface.vpn[count.index].name
  peer_ip_address = "169.254.${count.index}.2"
  peer_asn        = var.snowflake_access.vpn.peer_asn
}
