# Deploys the template beside this file, with the zips that it names:
#
#   terraform init
#   terraform apply -var bucket=BUCKET -var 'parameters={AdminSecretArn="arn:..."}'

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "bucket" {
  type        = string
  description = "A bucket in the Region of the stack, for the template and the functions."
}

variable "parameters" {
  type        = map(string)
  description = "The parameters of the stack; template.yaml describes them."
}

locals {
  # A release's zips have a place of their own, so that a stack that is rolled back finds the old ones.
  prefix = "engage-token-rotation/${sha256(join("", [for name in local.functions : filesha256("${path.module}/${name}.zip")]))}"

  template  = file("${path.module}/template.yaml")
  functions = toset(flatten(regexall("CodeUri: (\\w+)\\.zip", local.template)))
  body      = replace(local.template, "/CodeUri: (\\w+\\.zip)/", "CodeUri: s3://${var.bucket}/${local.prefix}/$1")
}

resource "aws_s3_object" "function" {
  for_each    = local.functions
  bucket      = var.bucket
  key         = "${local.prefix}/${each.key}.zip"
  source      = "${path.module}/${each.key}.zip"
  source_hash = filesha256("${path.module}/${each.key}.zip")
}

# The template is too long to be sent in a call.
resource "aws_s3_object" "template" {
  bucket  = var.bucket
  key     = "${local.prefix}/${sha256(local.body)}.yaml"
  content = local.body
}

data "aws_s3_bucket" "release" {
  bucket = var.bucket
}

resource "aws_cloudformation_stack" "rotation" {
  name         = "engage-token-rotation"
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  parameters   = var.parameters
  template_url = "https://${data.aws_s3_bucket.release.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  depends_on   = [aws_s3_object.function]
}

output "token_secret_arn" {
  value = aws_cloudformation_stack.rotation.outputs["TokenSecretArn"]
}
