// SPDX-License-Identifier: Apache-2.0
//! Keys whose issuers gave them a form of their own. Each row cites where the issuer shows it.
//!
//! A key without a fixed length is known after some characters; the rest is its tail.

use crate::check::key;
use crate::detector::Detector;
use crate::tail::Tail;

const fn key(rule: &'static str, pattern: &'static str) -> Detector {
    Detector::secret("API_KEY", rule, pattern).checked(key::random)
}

/// A key of some length or other.
const fn open(rule: &'static str, pattern: &'static str) -> Detector {
    key(rule, pattern).with_tail(Tail::Token)
}

pub(super) const TABLE: &[Detector] = &[
    // platform.openai.com/docs/api-reference/authentication; many compatible servers use the form.
    open(
        "openai",
        r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20}",
    ),
    // docs.anthropic.com/en/api/overview
    open("anthropic", r"sk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_-]{20}"),
    // openrouter.ai/docs/api-reference/authentication
    open("openrouter", r"sk-or-v1-[0-9a-f]{32}"),
    open("openai_legacy", r"sk-[A-Za-z0-9]{32}"),
    // docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    key("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    // cloud.google.com/docs/authentication/api-keys
    key("google_api_key", r"AIza[A-Za-z0-9_-]{35}"),
    // developers.google.com/identity/protocols/oauth2
    open("google_oauth", r"ya29\.[A-Za-z0-9_-]{20}"),
    key("google_client_secret", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    // learn.microsoft.com/purview/sit-defn-azure-storage-account-key-generic
    key(
        "azure_storage",
        r"[A-Za-z0-9+/]{76}\+ASt[A-Za-z0-9+/]{6}(?:==)?",
    ),
    // learn.microsoft.com/purview/sit-defn-client-secret-api-key
    key(
        "azure_client_secret",
        r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
    ),
    // learn.microsoft.com/azure/storage/common/storage-sas-overview: `sig` is an HMAC-SHA256.
    key("azure_sas", r"sig=[A-Za-z0-9%+/]{43,60}(?:=|%3[Dd])"),
    // github.blog/2021-04-05-behind-githubs-new-authentication-token-formats: CRC32 in base62.
    key("github", r"gh[pousr]_[A-Za-z0-9]{36}").checked(key::with_crc32),
    key("github_unverified", r"gh[pousr]_[A-Za-z0-9]{36}").with_score(0.6),
    key(
        "github_fine_grained",
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    ),
    // docs.gitlab.com/security/tokens/#token-prefixes
    open(
        "gitlab",
        r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_-]{20}",
    ),
    // docs.slack.dev/authentication/tokens
    open(
        "slack",
        r"xox[abeoprs]-(?:[0-9]{1,14}-){0,4}[A-Za-z0-9-]{20}",
    ),
    open("slack_app", r"xapp-[0-9]-[A-Z0-9]{8}"),
    // docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    key(
        "slack_webhook",
        r"hooks\.slack\.com/(?:services|workflows)/T[A-Z0-9]{8,12}/[AB][A-Z0-9]{8,12}/[A-Za-z0-9/]{20,48}",
    ),
    // docs.stripe.com/keys; publishable keys are public.
    open("stripe", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10}"),
    open("stripe_webhook", r"whsec_[A-Za-z0-9+/]{24}"),
    // github.blog/2021-09-23-announcing-npms-new-access-token-format: as GitHub's.
    key("npm", r"npm_[A-Za-z0-9]{36}").checked(key::with_crc32),
    key("npm_unverified", r"npm_[A-Za-z0-9]{36}").with_score(0.6),
    // pypi.org/help/#apitoken: a macaroon whose first caveat is the index.
    open("pypi", r"pypi-AgE[A-Za-z0-9_-]{32}"),
    // huggingface.co/docs/hub/security-tokens
    key("hugging_face", r"hf_[A-Za-z]{34}").checked(key::letters),
    // docs.sendgrid.com/ui/account-and-settings/api-keys
    key("sendgrid", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    // twilio.com/docs/iam/api-keys
    key("twilio", r"SK[0-9a-f]{32}"),
    // core.telegram.org/bots/features#botfather
    key("telegram", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    // shopify.dev/changelog/length-of-the-shopify-access-token-is-increasing
    key("shopify", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    // docs.digitalocean.com/reference/api/create-personal-access-token
    key("digitalocean", r"do[opr]_v1_[0-9a-f]{64}"),
    // developer.hashicorp.com/vault/docs/concepts/tokens#token-prefixes
    open("vault", r"hv[sbr]\.[A-Za-z0-9_-]{20}"),
    // developer.hashicorp.com/terraform/cloud-docs/api-docs/user-tokens
    open("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{20}"),
    // docs.databricks.com/dev-tools/auth/pat
    key("databricks", r"dapi[0-9a-f]{32}(?:-[0-9])?"),
    // console.groq.com/docs/quickstart, docs.x.ai, docs.perplexity.ai, replicate.com/docs
    open("groq", r"gsk_[A-Za-z0-9]{20}"),
    open("xai", r"xai-[A-Za-z0-9]{20}"),
    open("perplexity", r"pplx-[A-Za-z0-9]{20}"),
    key("replicate", r"r8_[A-Za-z0-9_-]{37}"),
    // grafana.com/docs/grafana/latest/administration/service-accounts
    open("grafana", r"gl(?:sa|c)_[A-Za-z0-9+/_=]{20}"),
    // docs.sentry.io/account/auth-tokens
    open("sentry", r"sntry[su]_[A-Za-z0-9+/_=]{20}"),
    // linear.app/developers, developers.notion.com, figma.com/developers/api
    open("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{20}"),
    open("notion", r"ntn_[A-Za-z0-9]{20}"),
    open("figma", r"fig[dou]_[A-Za-z0-9_-]{20}"),
    // learning.postman.com/docs/developer/postman-api/authentication
    open("postman", r"PMAK-[0-9a-f]{24}-[0-9a-f]{10}"),
    // docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys
    key("new_relic", r"NRAK-[A-Z0-9]{27}"),
    // support.atlassian.com/organization-administration/docs/understand-user-api-tokens
    open("atlassian", r"ATATT3[A-Za-z0-9_=-]{20}"),
    // docs.docker.com/security/access-tokens
    open("docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20}"),
    // doc.rust-lang.org/cargo/reference/registries.html: crates.io tokens begin with `cio`.
    key("crates_io", r"cio[A-Za-z0-9]{32}"),
    // github.com/FiloSottile/age: Bech32 in capitals.
    key("age", r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"),
    // docs/security/keys.md: this server's own.
    key("lukhas", r"lk_live_[a-z0-9]{8}_[A-Za-z0-9]{36}"),
];
