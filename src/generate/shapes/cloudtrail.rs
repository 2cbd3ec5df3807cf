//! Events in the manner of AWS CloudTrail. Format: "CloudTrail record contents" in AWS's user guide,
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>.

use super::{Sketch, Sketches};
use crate::generate::Hostile;
use crate::generate::hostile::Damage;
use crate::generate::visit::Role;

pub(super) const SKETCHES: Sketches = Sketches {
    is_json: true,
    plays: &[CONSOLE, PROGRAM, ASSUMED_ROLE, SERVICE, INTRUDER],
    parts: &[],
    traps: TRAPS,
    damages: &[Damage::Truncated, Damage::MalformedJson, Damage::InvalidUtf8, Damage::Nul],
};

/// A person signs in to the console and looks around.
const CONSOLE: Sketch = Sketch {
    role: Role::Desk,
    weight: 3,
    opening: &[r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"<principal>",
        "arn":"arn:aws:iam::<account>:user/<user>","accountId":"<account>","userName":"<user>"},
        "eventTime":"<time-seconds>","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"<region>",
        "sourceIPAddress":"<ip>","userAgent":"<agent>","requestParameters":null,
        "responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MobileVersion":"No","MFAUsed":"Yes"},
        "eventID":"<event>","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,
        "recipientAccountId":"<account>","eventCategory":"Management"}"#],
    middle: &[
        &[r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"<principal>",
            "arn":"arn:aws:iam::<account>:user/<user>","accountId":"<account>","accessKeyId":"<access-key>","userName":"<user>",
            "sessionContext":{"attributes":{"creationDate":"<began>","mfaAuthenticated":"true"}}},
            "eventTime":"<time-seconds>","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances",
            "awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"<agent>",
            "requestParameters":{"maxResults":100,"instancesSet":{},"filterSet":{}},"responseElements":null,
            "requestID":"<request>","eventID":"<event>","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,
            "recipientAccountId":"<account>","eventCategory":"Management","sessionCredentialFromConsole":"true"}"#],
        &[r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"<principal>",
            "arn":"arn:aws:iam::<account>:user/<user>","accountId":"<account>","accessKeyId":"<access-key>","userName":"<user>"},
            "eventTime":"<time-seconds>","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1",
            "sourceIPAddress":"<ip>","userAgent":"<agent>","requestParameters":{"userName":"<other-user>",
            "tags":[{"key":"contact","value":"<other-email>"}]},"responseElements":{"user":{"path":"/",
            "arn":"arn:aws:iam::<account>:user/<other-user>","userName":"<other-user>","createDate":"<time-seconds>"}},
            "requestID":"<request>","eventID":"<event>","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,
            "recipientAccountId":"<account>","eventCategory":"Management"}"#],
    ],
    turns: 1..=8,
    closing: &[],
};

/// A person's program works with an access key.
const PROGRAM: Sketch = Sketch {
    role: Role::Shell,
    weight: 4,
    opening: &[],
    middle: &[
        &[r#"{"eventVersion":"1.10","userIdentity":{"type":"IAMUser","principalId":"<principal>",
            "arn":"arn:aws:iam::<account>:user/<user>","accountId":"<account>","accessKeyId":"<access-key>","userName":"<user>"},
            "eventTime":"<time-seconds>","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"<region>",
            "sourceIPAddress":"<ip>","userAgent":"[<agent>]","requestParameters":{"bucketName":"example-reports",
            "Host":"example-reports.s3.amazonaws.com","key":"home/<user>/report-<order>.csv"},"responseElements":null,
            "additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn":0,"bytesTransferredOut":<bytes>},"requestID":"<span>","eventID":"<event>","readOnly":true,
            "resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::example-reports/home/<user>/report-<order>.csv"},
            {"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::example-reports"}],
            "eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"<account>","eventCategory":"Data",
            "tlsDetails":{"tlsVersion":"TLSv1.3","clientProvidedHostHeader":"example-reports.s3.amazonaws.com"}}"#],
        &[r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"<principal>",
            "arn":"arn:aws:iam::<account>:user/<user>","accountId":"<account>","accessKeyId":"<access-key>","userName":"<user>"},
            "eventTime":"<time-seconds>","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"<region>",
            "sourceIPAddress":"<ip>","userAgent":"<agent>","errorCode":"AccessDenied",
            "errorMessage":"User: arn:aws:iam::<account>:user/<user> is not authorized to perform: kms:Decrypt",
            "requestParameters":null,"responseElements":null,"requestID":"<request>","eventID":"<event>","readOnly":true,
            "eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management"}"#],
    ],
    turns: 1..=12,
    closing: &[],
};

/// A person takes a role through single sign-on; the session is named like their e-mail address.
const ASSUMED_ROLE: Sketch = Sketch {
    role: Role::Shell,
    weight: 3,
    opening: &[r#"{"eventVersion":"1.08","userIdentity":{"type":"SAMLUser","principalId":"samlp:<email>",
        "userName":"<email>","identityProvider":"https://id.example.com"},"eventTime":"<time-seconds>",
        "eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithSAML","awsRegion":"<region>","sourceIPAddress":"<ip>",
        "userAgent":"<agent>","requestParameters":{"roleArn":"arn:aws:iam::<account>:role/Operations",
        "roleSessionName":"<email>","durationSeconds":3600},"responseElements":{"credentials":{
        "accessKeyId":"<access-key>","sessionToken":"<token>","expiration":"<time-seconds>"},
        "assumedRoleUser":{"assumedRoleId":"<principal>:<email>",
        "arn":"arn:aws:sts::<account>:assumed-role/Operations/<email>"}},"requestID":"<request>","eventID":"<event>",
        "readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"<account>"}"#],
    middle: &[&[r#"{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"<principal>:<email>",
        "arn":"arn:aws:sts::<account>:assumed-role/Operations/<email>","accountId":"<account>",
        "accessKeyId":"<access-key>","sessionContext":{"sessionIssuer":{"type":"Role",
        "arn":"arn:aws:iam::<account>:role/Operations","accountId":"<account>","userName":"Operations"},
        "attributes":{"creationDate":"<began>","mfaAuthenticated":"false"}}},"eventTime":"<time-seconds>",
        "eventSource":"logs.amazonaws.com","eventName":"StartQuery","awsRegion":"<region>","sourceIPAddress":"<ip>",
        "userAgent":"<agent>","requestParameters":{"logGroupName":"/app/orders","queryString":"fields @message | filter user = '<other-email>'"},
        "responseElements":{"queryId":"<event>"},"requestID":"<request>","eventID":"<event>","readOnly":false,
        "eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management"}"#]],
    turns: 1..=6,
    closing: &[],
};

/// One service calls another: nobody stands in these.
const SERVICE: Sketch = Sketch {
    role: Role::Stranger,
    weight: 2,
    opening: &[],
    middle: &[&[
        r#"{"eventVersion":"1.08","userIdentity":{"type":"AWSService","invokedBy":"autoscaling.amazonaws.com"},
        "eventTime":"<time-seconds>","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"<region>",
        "sourceIPAddress":"autoscaling.amazonaws.com","userAgent":"autoscaling.amazonaws.com",
        "requestParameters":{"roleSessionName":"AutoScaling","durationSeconds":3600},"responseElements":null,
        "requestID":"<request>","eventID":"<event>","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,
        "eventCategory":"Management"}"#,
    ]],
    turns: 1..=5,
    closing: &[],
};

/// A stranger guesses names at the console.
const INTRUDER: Sketch = Sketch {
    role: Role::Stranger,
    weight: 1,
    opening: &[],
    middle: &[&[r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","accountId":"<account>","accessKeyId":"",
        "userName":"<user>"},"eventTime":"<time-seconds>","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin",
        "awsRegion":"us-east-1","sourceIPAddress":"<ip>","userAgent":"<agent>","errorMessage":"Failed authentication",
        "requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},"eventID":"<event>","readOnly":false,
        "eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"<account>"}"#]],
    turns: 2..=10,
    closing: &[],
};

const TRAPS: &[(Hostile, &str)] = &[
    (
        Hostile::Escapes,
        r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","userN\u0061me":"<user:unicode>"},"sourceIPAddre\u0073s":"<ip:unicode>","eventName":"GetObject","requestParameters":{"key":"home\/<user:unicode>\/a"}}"#,
    ),
    (
        Hostile::Percent,
        r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","userName":"<user>"},"sourceIPAddress":"<ip>","eventName":"GetObject","requestParameters":{"key":"home/<user:percent>/<email:percent>.csv"}}"#,
    ),
    (
        Hostile::DuplicateNames,
        r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","userName":"<other-user>","userName":"<user>"},"sourceIPAddress":"<other-ip>","sourceIPAddress":"<ip>","eventName":"ListUsers"}"#,
    ),
    (Hostile::Deep, r#"{"eventVersion":"1.09","sourceIPAddress":"<ip>","requestParameters":<deep>}"#),
    (
        Hostile::Injection,
        r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","userName":"<user>\",\"sourceIPAddress\":\"<other-ip>"},"sourceIPAddress":"<ip>","eventName":"ConsoleLogin"}"#,
    ),
    (
        Hostile::LongValue,
        r#"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","userName":"<user>"},"sourceIPAddress":"<ip>","eventName":"PutObject","requestParameters":{"policy":"<long> by <email>"}}"#,
    ),
    (
        Hostile::Nested,
        r#"{"eventVersion":"1.09","sourceIPAddress":"<ip>","eventName":"PutRule","requestParameters":{"input":"{\"detail\":\"{\\\"userName\\\":\\\"<user>\\\",\\\"email\\\":\\\"<email>\\\"}\"}"}}"#,
    ),
    (Hostile::Empty, ""),
];
